//! The response: a redirect, a page without a script, or JSON for a client that wants nothing else.

use std::fmt::Write as _;
use std::sync::OnceLock;

use api::{ApiError, LambdaResponse, Language, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Body;
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::finding::{Finding, Payment, Telling};
use crate::texts::Texts;

/// The document with its style. `web/checkout-page` builds it.
const TEMPLATE: &str = include_str!("../../../web/checkout-page/dist/pay.html");

/// The response to a visit.
pub(crate) fn response(request: &Request, finding: &Finding) -> LambdaResponse {
    let mut response = LambdaResponse::default();
    response.headers = HeaderMap::from_iter([
        // Each visit may lead elsewhere, and the address of a vendor's page is for one payer.
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (VARY, HeaderValue::from_static("Accept, Accept-Language")),
        (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex")),
        (HeaderName::from_static("strict-transport-security"), HeaderValue::from_static("max-age=31536000")),
    ]);
    let Some(telling) = finding.telling() else {
        if let Finding::Sold(url) = finding {
            response.headers.extend(HeaderValue::from_str(url.as_str()).ok().map(|url| (LOCATION, url)));
        }
        response.status_code = i64::from(StatusCode::SEE_OTHER.as_u16());
        return response;
    };
    response.status_code = i64::from(telling.status.as_u16());
    response.headers.extend(telling.retry_after.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    // A prefetch gets no page: the payer has not clicked yet.
    if matches!(finding, Finding::Prefetched) {
        return response;
    }
    let body = if wants_json_alone(request) {
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        json(&mut response, finding, &telling)
    } else {
        html(&mut response, Language::of(request), finding, &telling)
    };
    response.body = Some(Body::Text(body));
    response
}

/// Whether a client asks for JSON and would not take HTML.
fn wants_json_alone(request: &Request) -> bool {
    request
        .header("accept")
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"))
}

/// A client that reads JSON is told why it gets no vendor's page. It cannot push the button of one.
fn json(response: &mut LambdaResponse, finding: &Finding, telling: &Telling) -> String {
    let title = if matches!(finding, Finding::Offered(_)) { "navigation_required" } else { telling.title };
    let error = ApiError::new(telling.code, Texts::of(Language::ALL[0]).get(title, finding.payment()));
    response.status_code = i64::from(error.status().as_u16());
    error.to_json()
}

fn html(response: &mut LambdaResponse, language: Language, finding: &Finding, telling: &Telling) -> String {
    static POLICY: OnceLock<String> = OnceLock::new();
    let policy = POLICY.get_or_init(|| {
        let style = TEMPLATE.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
        let hash = STANDARD.encode(Sha256::digest(style.map_or("", |(style, _)| style)));
        // Without `form-action`: browsers apply it to the redirect that follows the button, too.
        format!("default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
    });
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    response
        .headers
        .extend(HeaderValue::from_str(policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    let texts = Texts::of(language);
    let payment = finding.payment();
    let title = escaped(&texts.get(telling.title, payment));
    let content = content(&texts, finding, &title, &escaped(&texts.get(telling.text, payment)));
    TEMPLATE
        .replacen("{{lang}}", language.tag(), 1)
        .replacen("{{dir}}", language.direction(), 1)
        .replacen("{{title}}", &title, 1)
        // Last: what it holds is never looked at again.
        .replacen("{{content}}", &content, 1)
}

fn content(texts: &Texts, finding: &Finding, title: &str, text: &str) -> String {
    let mut html = format!("<h1>{title}</h1><p>{text}</p>");
    let text = |key: &str| escaped(&texts.get(key, finding.payment()));
    if let Finding::Offered(payment) = finding {
        let _ = write!(
            html,
            r#"<form method="post"><button class="checkout-primary">{}</button></form>"#,
            text("continue_to")
        );
        if !payment.is_card {
            let _ = write!(html, r#"<p class="checkout-hint">{}</p>"#, text("vendor_note"));
        }
    } else if matches!(finding, Finding::Busy | Finding::Unavailable(_)) {
        // The same address again: a navigation, which counts as a new visit.
        let _ = write!(html, r#"<p><a class="checkout-secondary" href="">{}</a></p>"#, text("retry"));
    }
    let Some(payment) = finding.payment() else { return html };
    if let Some(due) = &payment.due {
        html.push_str(&wallet(payment, due, &text));
    }
    if let Some(back) = &payment.back {
        let _ = write!(html, r#"<p><a href="{}">{}</a></p>"#, escaped(back), text("back"));
    }
    html
}

/// How to pay without the vendor.
fn wallet(payment: &Payment, due: &str, text: &impl Fn(&str) -> String) -> String {
    let rows = [
        ("amount", format!("{due} {}", payment.symbol)),
        ("network", payment.chain.clone()),
        ("address", payment.address.clone()),
    ];
    let rows: String =
        rows.map(|(key, value)| format!("<dt>{}</dt><dd>{}</dd>", text(key), escaped(&value))).concat();
    format!("<h2>{}</h2><dl>{rows}</dl>", text("from_wallet"))
}

/// Text as HTML shows it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
