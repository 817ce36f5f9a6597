//! An HTTP API of API Gateway on this machine. It routes by the template, turns each request into the event that API
//! Gateway sends (payload format 2.0), and turns the function's response into an HTTP response. Both go through JSON, so
//! the local run serves what a deployment serves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use runtime::Clock;
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use url::form_urlencoded;
use uuid::Uuid;

use crate::functions::Functions;
use crate::template::{Cors, Route, Template};

/// The largest payload that API Gateway accepts.
const MAX_PAYLOAD_BYTES: usize = 10 * 1024 * 1024;

struct Gateway {
    routes: Vec<Route>,
    functions: Functions,
    clock: Clock,
}

/// Returns the HTTP API of the template, served by these functions.
pub fn router(template: &Template, functions: Functions, clock: Clock) -> Result<Router> {
    let gateway = Gateway { routes: template.routes.clone(), functions, clock };
    Ok(Router::new()
        .fallback(answer)
        .with_state(Arc::new(gateway))
        // Lambda restarts a function that panics, and the caller gets API Gateway's own 500.
        .layer(CatchPanicLayer::custom(|_| {
            gateway_message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }))
        .layer(cors(&template.cors)?))
}

/// Adds one readable line for each request.
pub fn logged(router: Router) -> Router {
    router.layer(middleware::from_fn(log))
}

#[expect(clippy::print_stdout, reason = "the local run shows its requests in the terminal")]
async fn log(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let line = format!("{:<6} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    let (status, millis) = (response.status().as_u16(), start.elapsed().as_secs_f64() * 1000.0);
    println!("{status} {line} {millis:.1} ms");
    response
}

async fn answer(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned();
    let Some((route, parameters)) = find_route(&gateway.routes, &parts.method, parts.uri.path()) else {
        return gateway_message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, MAX_PAYLOAD_BYTES).await else {
        return gateway_message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let query = parts.uri.query().unwrap_or_default();
    let event = event(&gateway.clock, route, &path, query, &parameters, &parts.headers, &body);
    match invoke(&gateway.functions, &route.function, event).await {
        Ok(response) => response,
        Err(_) => gateway_message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

/// Returns the route of a request and its path parameters.
fn find_route<'a>(
    routes: &'a [Route],
    method: &Method,
    path: &str,
) -> Option<(&'a Route, BTreeMap<String, String>)> {
    routes.iter().filter(|route| route.method == method.as_str()).find_map(|route| {
        let (mut named, mut given) = (route.path.split('/'), path.split('/'));
        let mut parameters = BTreeMap::new();
        loop {
            match (named.next(), given.next()) {
                (None, None) => return Some((route, parameters)),
                (Some(name), Some(part)) => {
                    match name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                        Some(name) if !part.is_empty() => {
                            let value = percent_decode_str(part).decode_utf8_lossy().into_owned();
                            parameters.insert(name.to_owned(), value);
                        }
                        None if name == part => {}
                        Some(_) | None => return None,
                    }
                }
                (None, Some(_)) | (Some(_), None) => return None,
            }
        }
    })
}

/// Returns the event that API Gateway sends.
fn event(
    clock: &Clock,
    route: &Route,
    path: &str,
    query: &str,
    parameters: &BTreeMap<String, String>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Value {
    let now = clock.now();
    let text = |name: HeaderName| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let host = text(HOST).unwrap_or_else(|| "127.0.0.1".into());
    let mut event = json!({
        "version": "2.0",
        "routeKey": format!("{} {}", route.method, route.path),
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined(headers.iter().filter(|(name, _)| *name != COOKIE).map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": route.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": text(USER_AGENT).unwrap_or_default(),
            },
            "requestId": request_id(),
            "routeKey": format!("{} {}", route.method, route.path),
            "stage": "$default",
            "time": now.to_string(),
            "timeEpoch": now.as_millis(),
        },
        "isBase64Encoded": false,
    });
    if !query.is_empty() {
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        insert(&mut event, "queryStringParameters", joined(pairs));
    }
    if !parameters.is_empty() {
        insert(&mut event, "pathParameters", json!(parameters));
    }
    let cookies: Vec<_> = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .map(|cookie| String::from_utf8_lossy(cookie).trim().to_owned())
        .collect();
    if !cookies.is_empty() {
        insert(&mut event, "cookies", json!(cookies));
    }
    if !body.is_empty() {
        // API Gateway passes a body as text if its content type says so, and any other body in base64.
        let is_text =
            text(CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/") || kind.contains("json"));
        match std::str::from_utf8(body) {
            Ok(body) if is_text => insert(&mut event, "body", json!(body)),
            Ok(_) | Err(_) => {
                insert(&mut event, "body", json!(STANDARD.encode(body)));
                insert(&mut event, "isBase64Encoded", json!(true));
            }
        }
    }
    event
}

#[expect(clippy::disallowed_methods, reason = "API Gateway assigns an id to each request")]
fn request_id() -> String {
    Uuid::new_v4().to_string()
}

fn insert(event: &mut Value, name: &str, value: Value) {
    if let Some(event) = event.as_object_mut() {
        event.insert(name.to_owned(), value);
    }
}

/// Joins the values of equal names by commas, as API Gateway does with headers and query parameters.
fn joined(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        all.entry(name)
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert(value);
    }
    json!(all)
}

async fn invoke(functions: &Functions, function: &str, event: Value) -> Result<Response> {
    let event: api::Event = serde_json::from_value(event)?;
    let response = functions.invoke(function, event).await.context("no such function")?;
    let response: LambdaResponse = serde_json::from_value(serde_json::to_value(response)?)?;
    let mut builder = Response::builder().status(u16::try_from(response.status_code)?);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let body = response.body.unwrap_or_default();
    let body = if response.is_base64_encoded { STANDARD.decode(body)? } else { body.into_bytes() };
    Ok(builder.body(Body::from(body))?)
}

/// The members of a function's response that API Gateway reads.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaResponse {
    status_code: i64,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// Returns a response of API Gateway's own.
fn gateway_message(status: StatusCode, message: &str) -> Response {
    let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn cors(cors: &Cors) -> Result<CorsLayer> {
    let methods: Vec<Method> = cors.methods.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
    let names =
        |names: &[String]| names.iter().map(|name| name.parse()).collect::<Result<Vec<HeaderName>, _>>();
    Ok(CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(methods)
        .allow_headers(names(&cors.allow_headers)?)
        .expose_headers(names(&cors.expose_headers)?)
        .max_age(Duration::from_secs(cors.max_age)))
}
