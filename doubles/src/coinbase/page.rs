//! `/buy`: the payment page, without script.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::Shared;
use crate::Outcome;
use crate::page::{buttons, document, escape};

/// Shows the page of a URL, which uses it up.
pub(super) async fn show(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let token = field(query.unwrap_or_default().as_bytes(), "sessionToken");
    let Some(session) = shared.visit(&token) else { return ended() };
    let request = session.request;
    let buttons = buttons(Outcome::BUTTONS.map(|(_, name, text)| (name, text)));
    let content = format!(
        "<dl><dt>Amount</dt><dd>{} {}</dd><dt>Address</dt><dd>{}</dd><dt>Network</dt><dd>{}</dd></dl>\
         <form method=\"post\" action=\"/buy\"><input type=\"hidden\" name=\"sessionToken\" value=\"{}\">{buttons}</form>",
        escape(request.amount()),
        escape(&request.purchase_currency),
        escape(&request.destination_address),
        escape(&request.destination_network),
        escape(&token),
    );
    page(StatusCode::OK, &content)
}

/// Does what a button says, then leads back to the merchant, also if the payer dismissed the page.
pub(super) async fn submit(State(shared): State<Arc<Shared>>, form: Bytes) -> Response {
    let Some(outcome) = Outcome::from_name(&field(&form, "outcome")) else {
        return page(StatusCode::BAD_REQUEST, "<p>There is no such outcome.</p>");
    };
    let Some(session) = shared.finish(&field(&form, "sessionToken")) else { return ended() };
    let redirect = session.request.redirect_url.clone();
    // A task of its own: the payment goes on if the browser closes the connection.
    let payment = tokio::spawn(async move { shared.pay(&session, outcome).await });
    match (payment.await, redirect) {
        (Ok(Ok(())), Some(url)) => (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response(),
        (Ok(Ok(())), None) => page(StatusCode::OK, "<p>Done. You can close this page.</p>"),
        (Ok(Err(error)), _) => failed(&format!("{error:#}")),
        (Err(error), _) => failed(&error.to_string()),
    }
}

fn ended() -> Response {
    page(StatusCode::GONE, "<p>This link was used before, or its five minutes are over.</p>")
}

fn failed(reason: &str) -> Response {
    page(StatusCode::BAD_GATEWAY, &format!("<p>The payment failed: {}</p>", escape(reason)))
}

fn page(status: StatusCode, content: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, document("Coinbase", content)).into_response()
}

/// Returns a field of a form or a query, or nothing.
fn field(form: &[u8], name: &str) -> String {
    let mut fields = form_urlencoded::parse(form);
    fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}
