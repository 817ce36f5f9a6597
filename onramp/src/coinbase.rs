//! Coinbase Onramp, version 2: one call creates a page on which the payer buys exactly what is due.

use std::fmt;

use domain::invalid::Invalid;
use domain::time::Timestamp;
use http_client::{HttpsClient, Limits};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::vendor_page::VendorPages;
use crate::{CdpKey, OnrampError, Purchase, is_word};

const API: &str = "https://api.cdp.coinbase.com";
const PATH: &str = "/platform/v2/onramp/sessions";
/// What a token is for. It names the live host, whichever one is called.
const TOKEN_FOR: &str = "POST api.cdp.coinbase.com/platform/v2/onramp/sessions";
const PAGES: VendorPages = VendorPages::Hosts(&["pay.coinbase.com", "pay-sandbox.coinbase.com"]);
const LONGEST_RETURN_URL: usize = 2_048;
/// A reference that begins like this buys nothing.
const SANDBOX: &str = "sandbox-";

/// The secret of a Coinbase account, as Secrets Manager holds it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoinbaseSecret {
    key_id: String,
    key_secret: String,
    /// What signs webhooks; several during a rotation.
    #[serde(default)]
    pub webhook_secrets: Vec<String>,
}

impl CoinbaseSecret {
    /// Reads the JSON text.
    pub fn parse(json: &str) -> Result<Self, Invalid> {
        // The parser's own words could repeat the secret.
        serde_json::from_str(json).map_err(|_| {
            Invalid::expected(r#"JSON such as {"keyId": "…", "keySecret": "…", "webhookSecrets": ["…"]}"#)
        })
    }
}

impl fmt::Debug for CoinbaseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoinbaseSecret(hidden)")
    }
}

/// A Coinbase account.
#[derive(Debug, Clone)]
pub struct Coinbase {
    http: HttpsClient,
    key: CdpKey,
    api: String,
    pages: VendorPages,
    is_sandbox: bool,
}

impl Coinbase {
    /// Opens the live service. In the sandbox nothing is bought.
    pub fn new(http: HttpsClient, secret: &CoinbaseSecret, is_sandbox: bool) -> Result<Self, Invalid> {
        let key = CdpKey::parse(&secret.key_id, &secret.key_secret)?;
        Ok(Self { http, key, api: API.to_owned(), pages: PAGES, is_sandbox })
    }

    /// Opens a double of the service at this origin, for tests and the local run.
    #[must_use]
    pub fn at(self, origin: &str) -> Self {
        Self { api: origin.to_owned(), pages: VendorPages::Double(origin.to_owned()), ..self }
    }

    /// Creates a page for one visit.
    pub(crate) async fn open(&self, purchase: &Purchase<'_>, now: Timestamp) -> Result<Url, OnrampError> {
        let mut body = self.body(purchase);
        let refused = match self.create(&body, now).await {
            Err(OnrampError::Refused(why)) => OnrampError::Refused(why),
            created => return created,
        };
        // Coinbase also refuses a `redirectUrl` whose domain is not on the account's list. Without it the payer must find
        // the way back alone, which is better than no payment.
        match body.as_object_mut().and_then(|members| members.remove("redirectUrl")) {
            Some(_) => self.create(&body, now).await,
            None => Err(refused),
        }
    }

    async fn create(&self, body: &Value, now: Timestamp) -> Result<Url, OnrampError> {
        let unusable = || OnrampError::Misconfigured("no request can be signed".to_owned());
        let token = self.key.token(TOKEN_FOR, now).ok_or_else(unusable)?;
        let request = Request::post(format!("{}{PATH}", self.api))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(body.to_string()));
        let response = self.http.send(request.map_err(|_| unusable())?).await?;
        self.pages.check(&page(&response)?)
    }

    fn body(&self, purchase: &Purchase<'_>) -> Value {
        let reference = if self.is_sandbox { SANDBOX } else { "" };
        let members = [
            ("destinationAddress", Some(purchase.address.to_owned())),
            ("purchaseCurrency", Some(purchase.asset.symbol.clone())),
            ("destinationNetwork", Some(purchase.asset.network.to_owned())),
            // Without the vendor's fees, which the payer pays: exactly this arrives.
            ("purchaseAmount", Some(purchase.amount.clone())),
            ("paymentCurrency", Some(purchase.asset.currency.as_str().to_owned())),
            ("paymentMethod", purchase.is_by_card().then(|| "CARD".to_owned())),
            ("country", purchase.country()),
            ("redirectUrl", purchase.return_url_within(LONGEST_RETURN_URL).map(str::to_owned)),
            ("clientIp", purchase.payer.map(|address| address.to_string())),
            ("partnerUserRef", Some(format!("{reference}{}", purchase.order))),
        ];
        let members = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
        Value::Object(members.collect())
    }
}

/// Reads the address of the page.
fn page(response: &Response<Bytes>) -> Result<String, OnrampError> {
    let status = response.status();
    let said: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if status == StatusCode::CREATED {
        let page = said.pointer("/session/onrampUrl").and_then(Value::as_str).map(str::to_owned);
        return page.ok_or_else(|| OnrampError::Misconfigured("its response names no page".to_owned()));
    }
    let kind = said.get("errorType").and_then(Value::as_str).filter(|text| is_word(text));
    let kind = kind.unwrap_or("no error type");
    let what = format!("{} {kind}", status.as_u16());
    Err(match status {
        StatusCode::BAD_REQUEST => OnrampError::Refused(what),
        StatusCode::TOO_MANY_REQUESTS => OnrampError::Unavailable(what),
        status if status.is_server_error() => OnrampError::Unavailable(what),
        _ => OnrampError::Misconfigured(what),
    })
}

/// What one call may take: a payer waits for it.
pub(crate) const LIMITS: Limits = Limits {
    connect: std::time::Duration::from_secs(3),
    answer: std::time::Duration::from_secs(8),
    body: 64 * 1024,
};
