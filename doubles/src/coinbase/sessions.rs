//! `POST /platform/v2/onramp/sessions`, and the single-use URLs it returns.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::Shared;
use super::request::SessionRequest;

pub(super) const PATH: &str = "/platform/v2/onramp/sessions";

/// How long a URL can be visited, in milliseconds.
const LIFETIME: i64 = 5 * 60 * 1000;

/// A session whose URL is not used up, or whose payer is on the page.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) request: SessionRequest,
    created_at: i64,
    is_visited: bool,
}

impl Shared {
    /// Uses a URL up and returns its session, or `None` if it was used before, is too old or is unknown.
    pub(super) fn visit(&self, token: &str) -> Option<Session> {
        let now = self.now();
        let mut state = self.state();
        let session = state.sessions.get_mut(token)?;
        if session.is_visited || now >= session.created_at + LIFETIME {
            return None;
        }
        session.is_visited = true;
        Some(session.clone())
    }

    /// Ends a session that was visited.
    pub(super) fn finish(&self, token: &str) -> Option<Session> {
        let mut state = self.state();
        state.sessions.get(token).filter(|session| session.is_visited)?;
        state.sessions.remove(token)
    }
}

pub(super) async fn create(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let fault = {
        let mut state = shared.state();
        state.calls += 1;
        state.faults.pop_front()
    };
    if let Some(fault) = fault
        && let Some(response) = fault.prevent().await
    {
        return response;
    }
    let response = accept(&shared, &headers, &body);
    match fault {
        Some(fault) if response.status() == StatusCode::CREATED => fault.spoil(response).await,
        _ => response,
    }
}

fn accept(shared: &Shared, headers: &HeaderMap, body: &[u8]) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(reason) = shared.check_token(header(AUTHORIZATION)) {
        return refuse(StatusCode::UNAUTHORIZED, "unauthorized", &reason);
    }
    let bad_request = |reason: &str| refuse(StatusCode::BAD_REQUEST, "invalid_request", reason);
    if !header(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json")) {
        return bad_request("`Content-Type` must be `application/json`");
    }
    let parsed = serde_json::from_slice::<Value>(body)
        .and_then(|body| Ok((serde_json::from_value::<SessionRequest>(body.clone())?, body)));
    let (request, body) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return bad_request(&error.to_string()),
    };
    if let Err(reason) = request.check(&shared.settings) {
        return bad_request(reason);
    }
    let token = format!("{:032x}", fastrand::u128(..));
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("sessionToken", &token);
    query.extend_pairs(request.redirect_url.iter().map(|url| ("redirectUrl", url)));
    let mut created = json!({"session": {"onrampUrl": format!("{}/buy?{}", shared.url, query.finish())}});
    if let (Some(quote), Value::Object(members)) = (request.quote(), &mut created) {
        members.insert("quote".to_owned(), quote);
    }
    let session = Session { request, created_at: shared.now(), is_visited: false };
    let mut state = shared.state();
    state.requests.push(body);
    state.sessions.insert(token, session);
    json(StatusCode::CREATED, &created)
}

pub(super) fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    let correlation = format!("{:016x}-DBL", fastrand::u64(..));
    json(status, &json!({"errorType": kind, "errorMessage": message, "correlationId": correlation}))
}

pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
