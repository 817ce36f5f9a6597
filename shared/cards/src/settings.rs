//! The settings of card payments.

use aws_config::SdkConfig;
use domain::invalid::Invalid;
use domain::onramp::OnrampVendor;
use domain::onramps::Onramps;
use onramp::{Stripe, StripeSecret, Vendors};
use runtime::Clock;
use runtime::config::{self, ConfigError, Settings};
use runtime::secret::SecretSetting;
use store::Store;

use crate::{Cards, LateMoney};

/// The key of a Stripe account.
pub const STRIPE: SecretSetting = SecretSetting { value: "STRIPE_SECRET", arn: "STRIPE_SECRET_ARN" };
/// `refund` or `keep`: what happens with money that came late or is not needed; `refund` if it is not set.
pub const LATE_CARD_PAYMENTS: &str = "LATE_CARD_PAYMENTS";

/// The settings of a function that looks at card payments.
pub const SETTINGS: &[&str] =
    &[LATE_CARD_PAYMENTS, config::ONRAMPS, STRIPE.arn, STRIPE.value, config::TABLE_NAME];

/// Opens card payments; `None` without a Stripe account.
pub async fn cards(
    settings: Settings,
    aws: &SdkConfig,
    store: impl FnOnce(&SdkConfig) -> Store,
) -> Result<Option<Cards>, ConfigError> {
    let late_money = settings.parsed(LATE_CARD_PAYMENTS, late_money)?.unwrap_or_default();
    let stripe = stripe(settings, aws, &settings.onramps()?).await?;
    Ok(stripe.map(|stripe| Cards { store: store(aws), stripe, clock: Clock::system(), late_money }))
}

/// Opens the merchant's Stripe account, if its secret is set. Cards need not be offered any more: a page that Stripe keeps
/// open can still be paid. Fails if cards are offered without the secret.
pub async fn stripe(
    settings: Settings,
    aws: &SdkConfig,
    onramps: &Onramps,
) -> Result<Option<Stripe>, ConfigError> {
    let is_set = settings.optional(STRIPE.value)?.is_some() || settings.optional(STRIPE.arn)?.is_some();
    if !is_set && !onramps.contains(OnrampVendor::StripeWeb2) {
        return Ok(None);
    }
    let secret = STRIPE.read(settings, aws, StripeSecret::parse).await?;
    let http = Vendors::http_client().map_err(|error| ConfigError::Certificates(error.to_string()))?;
    Ok(Some(Stripe::new(http, secret)))
}

fn late_money(text: &str) -> Result<LateMoney, Invalid> {
    match text {
        "refund" => Ok(LateMoney::Refund),
        "keep" => Ok(LateMoney::Keep),
        _ => Err(Invalid::expected("`refund` or `keep`")),
    }
}
