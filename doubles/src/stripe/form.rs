//! Form bodies, and which parameters Stripe knows.

use super::onramp_sessions::WALLET;

/// The parameters of a body or a query string.
pub(super) fn read(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// What `POST /v1/checkout/sessions` takes, as far as the double plays it. A list's index stands for every index.
const CHECKOUT: [&str; 19] = [
    "mode",
    "client_reference_id",
    "metadata[*]",
    "payment_intent_data[metadata][*]",
    "payment_intent_data[capture_method]",
    "payment_intent_data[statement_descriptor_suffix]",
    "line_items[0][quantity]",
    "line_items[0][price_data][currency]",
    "line_items[0][price_data][unit_amount]",
    "line_items[0][price_data][product_data][name]",
    "allowed_payment_method_types[0]",
    "adaptive_pricing[enabled]",
    "expires_at",
    "success_url",
    "cancel_url",
    "ui_mode",
    "customer_email",
    "locale",
    "submit_type",
];
/// What `POST /v1/crypto/onramp_sessions` takes, likewise.
const ONRAMP: [&str; 12] = [
    "customer_ip_address",
    "destination_amount",
    "destination_currencies[0]",
    "destination_currency",
    "destination_network",
    "destination_networks[0]",
    "lock_wallet_address",
    "metadata[*]",
    "settlement_speed",
    "source_amount",
    "source_currency",
    WALLET,
];
const REFUND: [&str; 5] = ["payment_intent", "charge", "amount", "reason", "metadata[*]"];
const REFUNDS: [&str; 2] = ["payment_intent", "limit"];
const EXPAND: [&str; 1] = ["expand[0]"];

/// Returns the first parameter that a call does not take.
pub(super) fn unknown(what: What, form: &[(String, String)]) -> Option<&str> {
    let known: &[&str] = match what {
        What::Checkout => &CHECKOUT,
        What::Onramp => &ONRAMP,
        What::Refund => &REFUND,
        What::Refunds => &REFUNDS,
        What::Expand => &EXPAND,
        What::Nothing => &[],
    };
    let is_known = |name: &str| {
        known.iter().any(|known| match known.strip_suffix("[*]") {
            Some(prefix) => name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('[')),
            None => *known == name,
        })
    };
    form.iter().map(|(name, _)| name.as_str()).find(|name| !is_known(name))
}

/// What a call takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Checkout,
    Onramp,
    Refund,
    Refunds,
    Expand,
    Nothing,
}

/// The value of a parameter.
pub(super) fn value<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find_map(|(given, value)| (given == name).then_some(value.as_str()))
}
