//! The vendors' own services, with a test key. Nothing is bought. Each test prints what the vendor said, for a person to
//! compare with docs/onramps.md.
//!
//! ```sh
//! STRIPE_SECRET='{"key": "rk_test_…"}' cargo test -p onramp --test live -- --ignored --nocapture stripe
//! COINBASE_SECRET='{"keyId": "…", "keySecret": "…"}' cargo test -p onramp --test live -- --ignored --nocapture coinbase
//! ```

#![expect(clippy::unwrap_used, reason = "a failure shows what the vendor said, or which setting is missing")]
#![expect(clippy::print_stdout, reason = "a person reads it")]
#![expect(clippy::disallowed_methods, reason = "it calls live services: no settings, no clock of a test")]

use std::env;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::amount::Amount;
use domain::card::Charge;
use domain::id::OrderId;
use domain::onramp::{Onramp, OnrampVendor};
use domain::onramps::Asset;
use domain::pricing::Currency;
use domain::time::Timestamp;
use onramp::{
    CheckoutTerms, Coinbase, CoinbaseSecret, OnrampError, Purchase, Stripe, StripeOnramp, StripeSecret,
    Vendor, Vendors,
};
use url::Url;

const ADDRESS: &str = "0x1111111111111111111111111111111111111111";

fn secret(name: &str) -> String {
    env::var(name).map_err(|error| format!("{name}: {error}")).unwrap()
}

fn stripe_secret() -> StripeSecret {
    let json = secret("STRIPE_SECRET");
    assert!(["\"sk_test_", "\"rk_test_"].iter().any(|key| json.contains(key)), "only a test key, please");
    StripeSecret::parse(&json).unwrap()
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// An order of its own for each run: what a vendor remembers of another run must not matter.
fn order() -> OrderId {
    OrderId::parse(&format!("00000000-0000-4000-8000-{:012x}", now().as_millis())).unwrap()
}

async fn page_of(vendor: Vendor, name: OnrampVendor, symbol: &str) -> Result<Url, OnrampError> {
    let asset = Asset {
        network: "base",
        symbol: symbol.to_owned(),
        decimals: 6,
        currency: Currency::parse("USD").unwrap(),
    };
    let onramp =
        Onramp { vendor: name, payment_method: None, country: None, redirect_url: None, cents: None };
    let purchase = Purchase {
        order: order(),
        address: ADDRESS,
        asset: &asset,
        amount: "5".to_owned(),
        onramp: &onramp,
        return_url: None,
        payer: None,
    };
    vendor.open(&purchase, now()).await
}

#[tokio::test]
#[ignore = "needs a test key of Stripe's"]
async fn stripe_opens_shows_and_ends_a_checkout_session() {
    let stripe = Stripe::new(Vendors::http_client().unwrap(), stripe_secret());
    let (order, asked) = (order(), Amount::parse("5000000").unwrap());
    let charge = Charge::of(asked, 6, &Currency::parse("USD").unwrap()).unwrap();
    let terms = CheckoutTerms {
        order,
        attempt: 1,
        charge: charge.clone(),
        expires_at: (now() + Duration::from_mins(31)).as_seconds(),
        success_url: "https://shop.example/thanks".to_owned(),
        cancel_url: None,
    };
    let opened = stripe.create_checkout(&terms).await.unwrap();
    println!("compare the amount, 5 USD, on the page {}", opened.url);
    let again = stripe.create_checkout(&terms).await.unwrap();
    assert_eq!(again.id, opened.id, "the same attempt is the same Checkout Session");
    let look = stripe.look(&opened.id, order, (asked, &charge)).await.unwrap();
    assert!(look.is_open && look.payment.is_none(), "{look:?}");
    assert!(stripe.expire(&opened.id).await.unwrap());
    assert!(!stripe.expire(&opened.id).await.unwrap(), "it has ended");
    assert!(!stripe.look(&opened.id, order, (asked, &charge)).await.unwrap().is_open);
    assert_eq!(stripe.order_of("pi_that_is_none").await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs a test key of Stripe's with access to the crypto onramp"]
async fn stripe_opens_an_onramp_session() {
    let stripe = StripeOnramp::new(Vendors::http_client().unwrap(), stripe_secret(), true).unwrap();
    let page = page_of(Vendor::Stripe(Box::new(stripe)), OnrampVendor::Stripe, "usdc").await.unwrap();
    println!("compare the address {ADDRESS} and 5 USDC on the page {page}");
}

#[tokio::test]
#[ignore = "needs a key of the Coinbase Developer Platform"]
async fn coinbase_opens_a_page_of_its_sandbox() {
    let secret = CoinbaseSecret::parse(&secret("COINBASE_SECRET")).unwrap();
    let coinbase = Coinbase::new(Vendors::http_client().unwrap(), &secret, true).unwrap();
    let page = page_of(Vendor::Coinbase(Box::new(coinbase)), OnrampVendor::Coinbase, "USDC").await.unwrap();
    println!("compare the address {ADDRESS} and 5 USDC on the page {page}");
}
