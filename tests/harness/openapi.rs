//! `openapi.yaml`, held to the code: every answer that any test receives is validated against
//! the schema that the document gives for its operation and status.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use super::Answer;

const DOCUMENT: &str = include_str!("../../openapi.yaml");

/// The document.
pub fn document() -> &'static Value {
    static PARSED: OnceLock<Value> = OnceLock::new();
    PARSED.get_or_init(|| serde_yaml_ng::from_str(DOCUMENT).unwrap())
}

/// Checks an answer against the document.
pub fn check(method: &Method, path: &str, answer: &Answer) {
    type Validators = HashMap<String, &'static Validator>;
    static VALIDATORS: OnceLock<Mutex<Validators>> = OnceLock::new();

    let template = path_template(path);
    let responses = format!("/paths/{}/{}/responses", escape(template), method.as_str().to_lowercase());
    let mut pointer = format!("{responses}/{}", answer.status);
    let response = document().pointer(&pointer).unwrap_or_else(|| panic!("{pointer} is not documented"));
    if let Some(reference) = response.get("$ref").and_then(Value::as_str) {
        pointer = reference.trim_start_matches('#').to_owned();
    }
    let schema = format!("{pointer}/content/{}/schema", escape("application/json"));
    let validator = {
        let mut validators = VALIDATORS.get_or_init(Mutex::default).lock().unwrap();
        *validators.entry(schema.clone()).or_insert_with(|| Box::leak(Box::new(compile(&schema))))
    };
    let errors: Vec<String> = validator
        .iter_errors(&answer.body)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{method} {path} {}: {errors:#?}\n{}", answer.status, answer.text);
}

/// A validator of the schema at `pointer`, whose references lead into the document.
fn compile(pointer: &str) -> Validator {
    let mut schema = document().clone();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    // Braces have no place in a URI (RFC 3986): a fragment spells them percent-encoded.
    let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
    schema["$ref"] = json!(format!("#{fragment}"));
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// The documented path that a request's path is an instance of.
fn path_template(path: &str) -> &'static str {
    let mut parts = path.split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("checkout-sessions"), None, None) => "/checkout-sessions",
        (Some("checkout-sessions"), Some(_), None) => "/checkout-sessions/{sessionId}",
        (Some("checkout-sessions"), Some(_), Some("expire")) => "/checkout-sessions/{sessionId}/expire",
        (Some("webhooks"), Some("coinbase"), None) => "/webhooks/coinbase",
        (Some("webhooks"), Some("stripe"), None) => "/webhooks/stripe",
        (Some("orders"), None, None) => "/orders",
        (Some("orders"), Some(_), None) => "/orders/{orderId}",
        (Some("orders"), Some(_), Some("events")) => "/orders/{orderId}/events",
        _ => panic!("{path} is not documented"),
    }
}

/// A name as a JSON Pointer spells it (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
