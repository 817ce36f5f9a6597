//! What every function does with an event: it calls the handler and turns the result into a response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::{Body, tracing};
use sha2::{Digest, Sha256};

use super::error::RETRY_AFTER_SECONDS;
use super::{ApiError, ErrorCode, Request, Response};

/// An event of API Gateway's HTTP API, payload format 2.0.
pub type Event = ApiGatewayV2httpRequest;

/// What API Gateway turns into the HTTP answer.
pub type LambdaResponse = ApiGatewayV2httpResponse;

/// One operation of docs/api.md.
pub trait Endpoint: Send + Sync {
    /// Answers a request. Every failure is an answer too: an error that left the function
    /// would reach the client as a 5xx without a body.
    fn handle(&self, request: &Request) -> impl Future<Output = Result<Response, ApiError>> + Send;
}

/// Answers an event.
pub async fn serve(endpoint: &impl Endpoint, event: Event) -> LambdaResponse {
    let request = Request::from(event);
    match endpoint.handle(&request).await {
        Ok(answer) if request.is_get_by_id() => read(&request, answer.to_json()),
        Ok(answer) => respond(StatusCode::OK, answer.to_json(), success_header(&answer)),
        Err(failure) => {
            log(&failure, request.id());
            respond(failure.code.row().0, failure.to_json(), failure_header(&failure))
        }
    }
}

/// Responds to a read by id. A client that polls sends the tag of the response that it has, and gets 304 as long as the
/// response would be the same.
///
/// The tag is a hash of the whole body: the clock alone can change a status, and no stored version counts that.
fn read(request: &Request, body: String) -> LambdaResponse {
    let hash = Sha256::digest(body.as_bytes());
    let tag = format!("\"{}\"", BASE64.encode(hash.get(..16).unwrap_or(&hash)));
    let is_known = request.header("if-none-match").is_some_and(|known| {
        known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    });
    let header = HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag));
    if is_known {
        let mut response = respond(StatusCode::NOT_MODIFIED, String::new(), header);
        response.body = None;
        response.headers.remove(CONTENT_TYPE);
        response
    } else {
        respond(StatusCode::OK, body, header)
    }
}

fn success_header(answer: &Response) -> Option<(HeaderName, HeaderValue)> {
    let replayed = HeaderName::from_static("idempotent-replayed");
    answer.replayed.then(|| (replayed, HeaderValue::from_static("true")))
}

fn failure_header(failure: &ApiError) -> Option<(HeaderName, HeaderValue)> {
    matches!(failure.code, ErrorCode::TemporarilyUnavailable | ErrorCode::OnrampUnavailable)
        .then(|| (RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)))
}

fn respond(status: StatusCode, body: String, extra: Option<(HeaderName, HeaderValue)>) -> LambdaResponse {
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        // Answers hold ids, which are capabilities: no shared cache may keep one, and no
        // browser may pass it on in a `Referer`.
        (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    headers.extend(extra);
    let mut response = LambdaResponse::default();
    response.status_code = i64::from(status.as_u16());
    response.headers = headers;
    response.body = Some(Body::Text(body));
    response
}

/// Writes down what the caller is not told. Refusals are the caller's affair and stand in
/// API Gateway's access log.
fn log(failure: &ApiError, request_id: &str) {
    let Some(cause) = &failure.cause else { return };
    let (_, _, code) = failure.code.row();
    if failure.code == ErrorCode::InternalError {
        tracing::error!(request_id, code, cause, "request failed with internal error");
    } else {
        tracing::warn!(request_id, code, cause, "request could not be served for now");
    }
}
