//! Doubles of onramp vendors for `cargo dev --chain --onramp`: they behave as the vendors document, and send the local
//! chain's play money.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::onramps::Onramps;
use doubles::coinbase::{self, Settings};
use doubles::{Deliver, WebhookTarget, stripe};
use onramp::{Coinbase, CoinbaseSecret, Stripe, StripeOnramp, StripeSecret, Vendor, Vendors};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use runtime::Clock;
use serde_json::json;

use crate::local_chain::USDC;
use crate::payer::Payer;

const KEY_ID: &str = "organizations/local/apiKeys/local";

/// The doubles that run, and the vendors that lead to them.
pub struct LocalOnramps {
    /// What the functions are told.
    pub onramps: Onramps,
    /// How they call the doubles.
    pub vendors: Vendors,
    /// What signs Coinbase's webhooks.
    pub coinbase_webhooks: Vec<String>,
    /// How cards are charged.
    pub stripe: Stripe,
    /// Coinbase's double.
    pub coinbase: coinbase::Coinbase,
    /// Stripe's double.
    pub stripe_double: stripe::Stripe,
}

impl LocalOnramps {
    /// Starts the doubles. They pay on the chain of the node at `endpoint`, and send webhooks to the service at `base`.
    pub async fn start(clock: &Clock, endpoint: &str, base: &str) -> Result<Self> {
        let endpoint = endpoint.to_owned();
        let deliver: Deliver = Arc::new(move |delivery| {
            let endpoint = endpoint.clone();
            Box::pin(async move { send(&endpoint, &delivery.to, &delivery.amount).await })
        });
        let (stripe, stripe_onramp, stripe_double) = start_stripe(clock, base, Arc::clone(&deliver)).await?;
        let seed: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok().context("no key can be made")?;
        let public = pair.public_key().as_ref().to_vec();
        let secret = json!({ "keyId": KEY_ID, "keySecret": STANDARD.encode([&seed[..], &public].concat()) });
        let webhooks = vec![format!("{:032x}", fastrand::u128(..))];
        let clock = clock.clone();
        let settings = Settings {
            key_id: KEY_ID.to_owned(),
            public_key: public,
            allowed_redirects: ["127.0.0.1", "localhost", "shop.example"].map(str::to_owned).to_vec(),
            assets: vec![("base".to_owned(), "USDC".to_owned())],
            webhook: Some(WebhookTarget {
                url: format!("{base}/webhooks/coinbase"),
                secrets: webhooks.clone(),
            }),
            now: Arc::new(move || clock.now().as_millis()),
            deliver,
        };
        let double = coinbase::Coinbase::start(settings, 0).await?;
        let secret = CoinbaseSecret::parse(&secret.to_string())?;
        let vendor = Coinbase::new(Vendors::http_client()?, &secret, false)?.at(double.url());
        Ok(Self {
            onramps: Onramps::parse("stripe-web2,coinbase,stripe")?,
            vendors: Vendors::new(vec![
                Vendor::Coinbase(Box::new(vendor)),
                Vendor::Stripe(Box::new(stripe_onramp)),
            ]),
            coinbase_webhooks: webhooks,
            stripe,
            coinbase: double,
            stripe_double,
        })
    }
}

/// Starts a double of Stripe, and returns the account that leads to it: for cards, and for its crypto onramp.
async fn start_stripe(
    clock: &Clock,
    base: &str,
    deliver: Deliver,
) -> Result<(Stripe, StripeOnramp, stripe::Stripe)> {
    let random = || format!("{:032x}", fastrand::u128(..));
    let (key, secret) = (format!("rk_test_{}", random()), format!("whsec_{}", random()));
    let clock = clock.clone();
    let double = stripe::Stripe::start(
        stripe::Settings {
            secret_key: key.clone(),
            api_version: onramp::STRIPE_VERSION.to_owned(),
            webhook: Some(WebhookTarget {
                url: format!("{base}/webhooks/stripe"),
                secrets: vec![secret.clone()],
            }),
            now: Arc::new(move || clock.now().as_millis()),
            onramp: Some(stripe::OnrampSettings {
                api_version: onramp::STRIPE_ONRAMP_VERSION.to_owned(),
                deliver,
            }),
        },
        0,
    );
    let double = double.await?;
    let secret = StripeSecret::parse(&json!({ "key": key, "webhookSecrets": [secret] }).to_string())?;
    let onramp = StripeOnramp::new(Vendors::http_client()?, secret.clone(), true)?.at(double.url());
    Ok((Stripe::new(Vendors::http_client()?, secret).at(double.url()), onramp, double))
}

/// Sends USDC of the local chain's payer.
async fn send(endpoint: &str, to: &str, amount: &str) -> Result<String> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    ensure!(fraction.len() <= 6, "USDC has six decimals, and {amount} has more");
    let units = format!("{whole}{fraction:0<6}");
    let units = units.trim_start_matches('0');
    let payer = Payer::new("", endpoint)?;
    payer.transfer(USDC, to.parse()?, domain::amount::Amount::parse_positive(units)?).await
}
