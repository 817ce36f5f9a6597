//! Stripe: Checkout Sessions, their payments, and refunds.
//!
//! A webhook of Stripe's says only that something happened. What happened is read here.

use std::fmt;

use domain::amount::Amount;
use domain::card::{CardPayment, CardStatus, Charge};
use domain::id::OrderId;
use domain::invalid::Invalid;
use domain::text::Text;
use domain::time::Timestamp;
use http_client::HttpsClient;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::vendor_page::VendorPages;
use crate::{OnrampError, is_word};

const API: &str = "https://api.stripe.com";
/// The version of the API that this code was written for. Without it, the account's own would be used.
pub const VERSION: &str = "2026-10-28.endive";
/// The code of the error if nothing is left of a payment.
const ALREADY_REFUNDED: &str = "charge_already_refunded";
const PAGES: VendorPages = VendorPages::Hosts(&["checkout.stripe.com"]);
/// Under which Stripe's objects name the order.
pub(crate) const ORDER_ID: &str = "order_id";

/// The secret of a Stripe account, as Secrets Manager holds it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StripeSecret {
    key: String,
    /// What signs webhooks; several during a rotation.
    #[serde(default)]
    pub webhook_secrets: Vec<String>,
}

impl StripeSecret {
    /// Reads the JSON text.
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        let invalid = || {
            Invalid::expected(
                r#"JSON such as {"key": "rk_live_…", "webhookSecrets": ["whsec_…"]}, with a secret or restricted key"#,
            )
        };
        let secret: Self = serde_json::from_str(json).map_err(|_| invalid())?;
        let is_key = ["sk_", "rk_"].iter().any(|prefix| secret.key.starts_with(prefix));
        if is_key && secret.key.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(secret)
        } else {
            Err(invalid())
        }
    }

    /// Returns whether it is the key of a sandbox, in which no money moves.
    pub(crate) fn is_test(&self) -> bool {
        ["sk_test_", "rk_test_"].iter().any(|prefix| self.key.starts_with(prefix))
    }
}

impl fmt::Debug for StripeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StripeSecret(hidden)")
    }
}

/// A Stripe account.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: HttpsClient,
    secret: StripeSecret,
    api: String,
    version: &'static str,
    pages: VendorPages,
}

/// What a payer is asked to pay.
#[derive(Debug, Clone)]
pub struct CheckoutTerms {
    /// The order that is paid.
    pub order: OrderId,
    /// Which attempt it is. The same attempt is the same Checkout Session, however often it is asked for.
    pub attempt: u32,
    /// What the card is charged.
    pub charge: Charge,
    /// Until when the payer can pay, in epoch seconds.
    pub expires_at: i64,
    /// Where the payer goes after the payment, and without one.
    pub success_url: String,
    /// Where the payer goes without a payment.
    pub cancel_url: Option<String>,
}

/// A Checkout Session that was created.
#[derive(Debug, Clone)]
pub struct OpenedCheckout {
    /// Stripe's id of it, `cs_…`.
    pub id: String,
    /// Its page.
    pub url: Url,
}

/// A Checkout Session as it is now.
#[derive(Debug, Clone)]
pub struct CheckoutLook {
    /// Whether it can still be paid.
    pub is_open: bool,
    /// The payment that the payer made of it.
    pub payment: Option<CardPayment>,
}

/// Why Stripe did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// As any vendor.
    #[error(transparent)]
    Vendor(#[from] OnrampError),
    /// Stripe does not know what it is asked about: it is of another account, or of another mode.
    #[error("Stripe does not know it")]
    Unknown,
    /// Another call with the same idempotency key is under way.
    #[error("another call with this idempotency key is under way")]
    InUse,
    /// Stripe failed, and repeats that for this idempotency key.
    #[error("Stripe failed: {0}")]
    Failed(String),
}

impl Stripe {
    /// Opens an account.
    pub fn new(http: HttpsClient, secret: StripeSecret) -> Self {
        Self::with(http, secret, VERSION, PAGES)
    }

    /// Opens an account for a product that has a version of the API and pages of its own.
    pub(crate) fn with(
        http: HttpsClient,
        secret: StripeSecret,
        version: &'static str,
        pages: VendorPages,
    ) -> Self {
        Self { http, secret, api: API.to_owned(), version, pages }
    }

    /// Opens a double of the service at this origin, for tests and the local run.
    #[must_use]
    pub fn at(self, origin: &str) -> Self {
        Self { api: origin.to_owned(), pages: VendorPages::Double(origin.to_owned()), ..self }
    }

    /// Returns whether no card is charged.
    pub fn is_test(&self) -> bool {
        self.secret.is_test()
    }

    /// Returns what signs the webhooks.
    pub fn webhook_secrets(&self) -> &[String] {
        &self.secret.webhook_secrets
    }

    /// Reads the address of a page that was created before.
    pub fn page(&self, url: &str) -> Result<Url, OnrampError> {
        self.pages.check(url)
    }

    /// Creates a Checkout Session for a fixed amount.
    pub async fn create_checkout(&self, terms: &CheckoutTerms) -> Result<OpenedCheckout, StripeError> {
        let order = terms.order.to_string();
        let currency = terms.charge.currency.as_str().to_lowercase();
        let (cents, expires_at) = (terms.charge.cents.to_string(), terms.expires_at.to_string());
        let name = format!("Order {order}");
        let mut form = vec![
            ("mode", "payment"),
            ("client_reference_id", &order),
            ("metadata[order_id]", &order),
            ("payment_intent_data[metadata][order_id]", &order),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", &currency),
            ("line_items[0][price_data][unit_amount]", &cents),
            ("line_items[0][price_data][product_data][name]", &name),
            // A method that is decided days later would hold an order past its deadline.
            ("allowed_payment_method_types[0]", "card"),
            // The amount and the currency are the order's, and no setting of the account changes them.
            ("adaptive_pricing[enabled]", "false"),
            ("expires_at", &expires_at),
            ("success_url", &terms.success_url),
        ];
        form.extend(terms.cancel_url.as_deref().map(|url| ("cancel_url", url)));
        let key = format!("{order}-{}", terms.attempt);
        let created = self.call(Method::POST, "/v1/checkout/sessions", &form, Some(&key)).await?;
        let id = text(&created, "id").filter(|id| is_id(id)).ok_or_else(|| undocumented("no id"))?;
        let url = self.pages.check(text(&created, "url").unwrap_or_default())?;
        Ok(OpenedCheckout { id: id.to_owned(), url })
    }

    /// Looks at a Checkout Session that was to pay so much of an order by such a charge.
    pub async fn look(
        &self,
        id: &str,
        order: OrderId,
        (covers, asked): (Amount, &Charge),
    ) -> Result<CheckoutLook, StripeError> {
        let path = format!("/v1/checkout/sessions/{}", checked(id)?);
        let expand = [("expand[0]", "payment_intent.latest_charge")];
        let session = self.call(Method::GET, &path, &expand, None).await?;
        if text(&session, "client_reference_id") != Some(&order.to_string()) {
            return Err(undocumented("a Checkout Session of another order").into());
        }
        let intent = session.get("payment_intent").filter(|intent| !intent.is_null());
        let payment = intent.map(|intent| payment(intent, covers, asked)).transpose()?;
        let is_open = match (text(&session, "status"), &payment) {
            (Some("open"), _) => true,
            (Some("expired"), _) | (Some("complete"), Some(_)) => false,
            // Taken for unpaid, it would never be looked at again.
            _ => {
                return Err(undocumented(
                    "a Checkout Session without a known status, or without its payment",
                )
                .into());
            }
        };
        Ok(CheckoutLook { is_open, payment })
    }

    /// Ends a Checkout Session, so that it cannot be paid any more. Returns `false` if it was not open.
    pub async fn expire(&self, id: &str) -> Result<bool, StripeError> {
        let path = format!("/v1/checkout/sessions/{}/expire", checked(id)?);
        match self.call(Method::POST, &path, &[], None).await {
            Ok(_) => Ok(true),
            Err(StripeError::Vendor(OnrampError::Refused(_)) | StripeError::Unknown) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives back all that is left of a payment. A repetition gives nothing back twice: then nothing is left.
    ///
    /// Stripe repeats its first response to an idempotency key for a day, a refusal too. So the key changes every hour: what
    /// failed because the account had no balance succeeds once it has.
    pub async fn refund(&self, intent: &str, order: OrderId, now: Timestamp) -> Result<(), StripeError> {
        let order = order.to_string();
        let form = [("payment_intent", checked(intent)?), ("metadata[order_id]", &order)];
        let key = format!("refund-{intent}-{}", now.as_seconds() / 3_600);
        let refund = match self.call(Method::POST, "/v1/refunds", &form, Some(&key)).await {
            // An earlier call was carried out, and its response was lost.
            Err(StripeError::Vendor(OnrampError::Refused(what))) if what.ends_with(ALREADY_REFUNDED) => {
                return Ok(());
            }
            refund => refund?,
        };
        match text(&refund, "status") {
            Some("succeeded" | "pending") => Ok(()),
            status => {
                let status = status.filter(|status| is_word(status)).unwrap_or("unknown");
                Err(undocumented(&format!("a refund is {status}")).into())
            }
        }
    }

    /// Returns how much of a payment has really been given back, or is on its way: a refund can fail days later.
    pub async fn refunded(&self, intent: &str) -> Result<u64, StripeError> {
        let query = [("payment_intent", checked(intent)?), ("limit", "100")];
        let list = self.call(Method::GET, "/v1/refunds", &query, None).await?;
        let refunds = list.get("data").and_then(Value::as_array).ok_or_else(|| undocumented("no list"))?;
        let is_made = |refund: &&Value| !matches!(text(refund, "status"), Some("failed" | "canceled") | None);
        let amounts = refunds.iter().filter(is_made).filter_map(|refund| refund.get("amount")?.as_u64());
        Ok(amounts.fold(0, u64::saturating_add))
    }

    /// Returns the order of a payment; `None` if it names none, or if this is not the id of a payment.
    pub async fn order_of(&self, intent: &str) -> Result<Option<OrderId>, StripeError> {
        let Ok(intent) = checked(intent) else { return Ok(None) };
        let path = format!("/v1/payment_intents/{intent}");
        match self.call(Method::GET, &path, &[], None).await {
            Ok(intent) => Ok(named_order(&intent)),
            Err(StripeError::Vendor(OnrampError::Refused(_)) | StripeError::Unknown) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: Option<&str>,
    ) -> Result<Value, StripeError> {
        let form = Serializer::new(String::new()).extend_pairs(form).finish();
        let (query, body) =
            if method == Method::GET { (format!("?{form}"), String::new()) } else { (String::new(), form) };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}{query}", self.api))
            .header(AUTHORIZATION, format!("Bearer {}", self.secret.key))
            .header("stripe-version", self.version)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Bytes::from(body)).map_err(|_| undocumented("no request can be made"))?;
        let response = self.http.send(request).await.map_err(OnrampError::from)?;
        let status = response.status();
        let said: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if status.is_success() {
            return if said.is_object() { Ok(said) } else { Err(undocumented("no object").into()) };
        }
        let word = |name: &str| {
            said.pointer(&format!("/error/{name}")).and_then(Value::as_str).filter(|word| is_word(word))
        };
        let what = format!("{} {}", status.as_u16(), word("code").or(word("type")).unwrap_or("no code"));
        Err(match status {
            StatusCode::CONFLICT => StripeError::InUse,
            StatusCode::NOT_FOUND if word("code") == Some("resource_missing") => StripeError::Unknown,
            StatusCode::TOO_MANY_REQUESTS => OnrampError::Unavailable(what).into(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => OnrampError::Misconfigured(what).into(),
            status if status.is_server_error() => StripeError::Failed(what),
            _ => OnrampError::Refused(what).into(),
        })
    }
}

/// Returns the order that an object of Stripe's names.
pub fn named_order(object: &Value) -> Option<OrderId> {
    let named = [object.pointer(&format!("/metadata/{ORDER_ID}")), object.get("client_reference_id")];
    named.into_iter().flatten().filter_map(Value::as_str).find_map(OrderId::parse)
}

/// Reads a payment and its charge.
fn payment(intent: &Value, covers: Amount, asked: &Charge) -> Result<CardPayment, OnrampError> {
    let missing = |what: &str| undocumented(&format!("a payment without {what}"));
    let id = text(intent, "id").filter(|id| is_id(id)).ok_or_else(|| missing("id"))?;
    let charge = intent.get("latest_charge").filter(|charge| charge.is_object());
    let is_paid = charge.is_some_and(|charge| {
        let is = |name: &str| charge.get(name) == Some(&Value::Bool(true));
        // An authorisation alone can still be given up.
        is("paid") && is("captured") && text(charge, "status") == Some("succeeded")
    });
    // A card that was declined can be tried again as long as the Checkout Session is open.
    let is_over = matches!(text(intent, "status"), Some("canceled" | "requires_payment_method"));
    let status = match (is_paid, is_over) {
        (true, _) => CardStatus::Succeeded,
        (false, true) => CardStatus::Failed,
        (false, false) => CardStatus::Pending,
    };
    let number = |object: &Value, name: &str| object.get(name).and_then(Value::as_u64);
    let paid = charge.filter(|_| is_paid);
    let amount = number(paid.unwrap_or(intent), "amount").ok_or_else(|| missing("amount"))?;
    let currency = text(paid.unwrap_or(intent), "currency").unwrap_or_default();
    let instant = |object: &Value| {
        let seconds = object.get("created").and_then(Value::as_i64)?;
        Some(Timestamp::from_millis(seconds.checked_mul(1_000)?))
    };
    let short = |text: &str| Text::parse(text.to_owned()).map_err(|_| missing("a short id and currency"));
    Ok(CardPayment {
        intent: short(id)?,
        amount,
        covers,
        is_as_asked: currency.eq_ignore_ascii_case(asked.currency.as_str()) && amount >= asked.cents,
        currency: short(currency)?,
        status,
        created_at: instant(intent).ok_or_else(|| missing("time"))?,
        paid_at: paid.and_then(instant),
        refunded: paid.and_then(|charge| number(charge, "amount_refunded")).unwrap_or(0),
        is_disputed: charge.is_some_and(|charge| charge.get("disputed") == Some(&Value::Bool(true))),
        standing: None,
    })
}

pub(crate) fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// An id becomes part of a path.
fn checked(id: &str) -> Result<&str, OnrampError> {
    if is_id(id) { Ok(id) } else { Err(undocumented("an id that is none")) }
}

fn is_id(id: &str) -> bool {
    (1..=255).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn undocumented(what: &str) -> OnrampError {
    OnrampError::Misconfigured(format!("Stripe's response is not what it documents: {what}"))
}
