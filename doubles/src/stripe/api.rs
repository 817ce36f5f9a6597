//! The calls of the API.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Extracted};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use futures::stream;
use serde_json::{Value, json};

use super::form::{self, What};
use super::idempotency::Remembered;
use super::objects::{self, Checkout};
use super::onramp_sessions::OnrampSession;
use super::{Call, Fault, Shared};

const LEAST_CENTS: u64 = 30;
const MOST_CENTS: u64 = 99_999_999;
const HALF_AN_HOUR: i64 = 30 * 60;
const A_DAY: i64 = 24 * 60 * 60;

/// A refusal before anything was done: it is not remembered under an idempotency key.
struct Refused(u16, Value);

fn refused(status: u16, kind: &str, code: &str, param: &str) -> Refused {
    let message = format!("{code} {param}");
    Refused(status, json!({ "error": { "type": kind, "code": code, "param": param, "message": message } }))
}

fn invalid(code: &str, param: &str) -> Refused {
    refused(400, "invalid_request_error", code, param)
}

pub(super) async fn answer(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let text = if method == Method::GET {
        uri.query().unwrap_or_default().to_owned()
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    let form = form::read(&text);
    let call: Call = (format!("{method} /v1/{path}"), form);
    let fault = {
        let mut state = shared.state();
        state.calls.push(call.clone());
        state.faults.pop_front().flatten()
    };
    match fault {
        Some(Fault::Status(status)) => {
            return respond(status, &json!({ "error": { "type": "api_error" } }), false);
        }
        Some(Fault::Refused(code)) => {
            let Refused(status, body) = invalid(code, "");
            return respond(status, &body, false);
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(
            Fault::CutResponse
            | Fault::DoneThen500
            | Fault::InvalidBody
            | Fault::OtherHost
            | Fault::RefundFails,
        )
        | None => {}
    }
    if header("authorization") != format!("Bearer {}", shared.settings.secret_key) {
        let Refused(status, body) = refused(401, "invalid_request_error", "api_key_invalid", "");
        return respond(status, &body, false);
    }
    let version = if path.starts_with("crypto/") {
        shared.settings.onramp.as_ref().map(|onramp| &onramp.api_version)
    } else {
        Some(&shared.settings.api_version)
    };
    // An account without access to the preview finds no such path, whatever the version.
    if version.is_some_and(|version| header("stripe-version") != version) {
        let Refused(status, body) = invalid("api_version_unknown", "Stripe-Version");
        return respond(status, &body, false);
    }
    let key = Some(header("idempotency-key")).filter(|key| !key.is_empty() && method == Method::POST);
    if let Some(key) = key {
        // Under one lock: of calls that are made at once, one is carried out.
        if let Some((status, body, is_replay)) = begin(&shared, key, &call) {
            return respond(status, &body, is_replay);
        }
        // Long enough that calls which are made at once meet.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let done = carry_out(&shared, &call, fault);
    let (status, body, is_remembered) = match done {
        Ok(_) if fault == Some(Fault::DoneThen500) => {
            (500, json!({ "error": { "type": "api_error" } }), true)
        }
        Ok(body) => (200, body, true),
        Err(Refused(status, body)) => (status, body, false),
    };
    if let Some(key) = key {
        let mut state = shared.state();
        if is_remembered {
            let done = Remembered::Done { call, status, body: body.to_string() };
            state.remembered.insert(key.to_owned(), done);
        } else {
            state.remembered.remove(key);
        }
    }
    match fault {
        Some(Fault::CutResponse) => {
            let parts = [Ok("{\"id\":"), Err(std::io::Error::other("cut"))];
            Response::new(Body::from_stream(stream::iter(parts)))
        }
        Some(Fault::InvalidBody) => Response::new(Body::from("<html>")),
        Some(
            Fault::Status(_)
            | Fault::Refused(_)
            | Fault::Hang
            | Fault::DoneThen500
            | Fault::OtherHost
            | Fault::RefundFails,
        )
        | None => respond(status, &body, false),
    }
}

/// Takes an idempotency key for a call, or returns the response that it has already.
fn begin(shared: &Shared, key: &str, call: &Call) -> Option<(u16, Value, bool)> {
    let mut state = shared.state();
    let idempotency = |status, code| {
        let Refused(status, body) = refused(status, "idempotency_error", code, "");
        Some((status, body, false))
    };
    match state.remembered.get(key) {
        Some(Remembered::UnderWay) => idempotency(409, "idempotency_key_in_use"),
        Some(Remembered::Done { call: first, .. }) if first != call => {
            idempotency(400, "idempotency_mismatch")
        }
        Some(Remembered::Done { status, body, .. }) => {
            Some((*status, serde_json::from_str(body).unwrap_or_default(), true))
        }
        None => {
            state.remembered.insert(key.to_owned(), Remembered::UnderWay);
            None
        }
    }
}

fn respond(status: u16, body: &Value, is_replay: bool) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if is_replay {
        response.headers_mut().insert("idempotent-replayed", axum::http::HeaderValue::from_static("true"));
    }
    response
}

fn carry_out(shared: &Shared, (call, form): &Call, fault: Option<Fault>) -> Result<Value, Refused> {
    let parts: Vec<&str> = call.split([' ', '/']).filter(|part| !part.is_empty()).collect();
    let takes = |what: What| match form::unknown(what, form) {
        Some(param) => Err(invalid("parameter_unknown", param)),
        None => Ok(()),
    };
    let missing = |id: &str| refused(404, "invalid_request_error", "resource_missing", id);
    let now = shared.now_seconds();
    let mut state = shared.state();
    state.checkouts.iter_mut().for_each(|checkout| checkout.end_at(now));
    match parts.as_slice() {
        ["POST", "v1", "checkout", "sessions"] => {
            takes(What::Checkout)?;
            let id = state.id("cs");
            let mut checkout = checkout(shared, id, form, now)?;
            if fault == Some(Fault::OtherHost) {
                "https://evil.example/c/pay".clone_into(&mut checkout.url);
            }
            state.checkouts.push(checkout.clone());
            Ok(checkout.to_json(Value::Null))
        }
        ["POST", "v1", "crypto", "onramp_sessions"] if shared.settings.onramp.is_some() => {
            takes(What::Onramp)?;
            let created = OnrampSession::create(state.id("cos"), &shared.url, form, now);
            let mut session = created.map_err(|(code, param)| invalid(code, param))?;
            if fault == Some(Fault::OtherHost) {
                "https://evil.example/onramp".clone_into(&mut session.url);
            }
            state.onramp_sessions.push(session.clone());
            Ok(session.to_json())
        }
        ["GET", "v1", "checkout", "sessions", id] => {
            takes(What::Expand)?;
            let checkout = state.checkout(id).cloned().ok_or_else(|| missing(id))?;
            let is_expanded = form::value(form, "expand[0]").is_some();
            let intent = checkout.intent.as_ref().filter(|_| is_expanded);
            let intent = intent.and_then(|intent| state.payment(intent)).map(|payment| payment.to_json(true));
            Ok(checkout.to_json(intent.unwrap_or_default()))
        }
        ["POST", "v1", "checkout", "sessions", id, "expire"] => {
            takes(What::Nothing)?;
            let checkout = state.checkout(id).ok_or_else(|| missing(id))?;
            if checkout.status != "open" {
                return Err(invalid("checkout_session_not_open", "status"));
            }
            checkout.status = "expired";
            Ok(checkout.to_json(Value::Null))
        }
        ["GET", "v1", "payment_intents", id] => {
            takes(What::Expand)?;
            state.payment(id).map(|payment| payment.to_json(false)).ok_or_else(|| missing(id))
        }
        ["GET", "v1", "refunds"] => {
            takes(What::Refunds)?;
            let intent = form::value(form, "payment_intent");
            let is_of = |refund: &&Value| intent.is_none_or(|intent| refund["payment_intent"] == *intent);
            let refunds: Vec<&Value> = state.refunds.iter().rev().filter(is_of).collect();
            Ok(json!({ "object": "list", "url": "/v1/refunds", "has_more": false, "data": refunds }))
        }
        ["POST", "v1", "refunds"] => {
            takes(What::Refund)?;
            let intent = form::value(form, "payment_intent")
                .ok_or_else(|| invalid("parameter_missing", "payment_intent"))?;
            let amount = form::value(form, "amount").and_then(|amount| amount.parse().ok());
            let id = state.id("re");
            let fails = fault == Some(Fault::RefundFails);
            objects::refund(&mut state, &id, intent, amount, fails)
                .map_err(|code| invalid(code, "payment_intent"))
        }
        _ => Err(refused(404, "invalid_request_error", "url_unknown", call)),
    }
}

/// Checks what a Checkout Session is asked to be.
fn checkout(shared: &Shared, id: String, form: &[(String, String)], now: i64) -> Result<Checkout, Refused> {
    let value = |name: &str| form::value(form, name);
    let required = |name: &str| value(name).ok_or_else(|| invalid("parameter_missing", name));
    if required("mode")? != "payment" {
        return Err(invalid("parameter_invalid", "mode"));
    }
    let amount = required("line_items[0][price_data][unit_amount]")?.parse().ok();
    let amount: u64 = amount.ok_or_else(|| invalid("parameter_invalid_integer", "unit_amount"))?;
    if amount < LEAST_CENTS {
        return Err(invalid("amount_too_small", "unit_amount"));
    }
    if amount > MOST_CENTS {
        return Err(invalid("amount_too_large", "unit_amount"));
    }
    if required("line_items[0][quantity]")? != "1" {
        return Err(invalid("parameter_invalid", "line_items[0][quantity]"));
    }
    required("line_items[0][price_data][product_data][name]")?;
    let currency = required("line_items[0][price_data][currency]")?;
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(invalid("parameter_invalid", "currency"));
    }
    let expires_at = value("expires_at").map_or(Ok(now + A_DAY), |text| {
        text.parse().map_err(|_| invalid("parameter_invalid_integer", "expires_at"))
    })?;
    if !(now + HALF_AN_HOUR..=now + A_DAY).contains(&expires_at) {
        return Err(invalid("parameter_invalid", "expires_at"));
    }
    for name in ["success_url", "cancel_url"] {
        let is_url = |text: &str| text.len() <= 5_000 && url::Url::parse(text).is_ok();
        if value(name).is_some_and(|text| !is_url(text)) {
            return Err(invalid("url_invalid", name));
        }
    }
    if value("client_reference_id").is_some_and(|text| text.len() > 200) {
        return Err(invalid("parameter_invalid", "client_reference_id"));
    }
    Ok(Checkout {
        url: format!("{}/c/pay/{id}", shared.url),
        id,
        status: "open",
        is_paid: false,
        amount,
        currency: currency.to_owned(),
        reference: value("client_reference_id").map(str::to_owned),
        order: value("metadata[order_id]").map(str::to_owned),
        intent_order: value("payment_intent_data[metadata][order_id]").map(str::to_owned),
        expires_at,
        created: now,
        success_url: required("success_url")?.to_owned(),
        cancel_url: value("cancel_url").map(str::to_owned),
        intent: None,
    })
}
