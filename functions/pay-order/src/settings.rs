//! The settings of the vendors.

use aws_config::SdkConfig;
use cards::Cards;
use cards::settings::{LATE_CARD_PAYMENTS, STRIPE};
use domain::invalid::Invalid;
use domain::onramp::OnrampVendor;
use domain::onramps::Onramps;
use onramp::{Coinbase, CoinbaseSecret, MoonPay, MoonPaySecret, StripeOnramp, StripeSecret, Vendor, Vendors};
use runtime::config::{self, ConfigError, Settings};
use runtime::secret::SecretSetting;

/// `sandbox` if vendors sell nothing; `live` if it is not set.
pub const MODE: &str = "ONRAMP_MODE";
/// The header in which a proxy before API Gateway names the payer's address. It is believed only if it is set.
pub const CLIENT_IP_HEADER: &str = "CLIENT_IP_HEADER";
/// The key of a Coinbase account.
pub const COINBASE: SecretSetting = SecretSetting { value: "COINBASE_SECRET", arn: "COINBASE_SECRET_ARN" };
/// The keys of a `MoonPay` account.
pub const MOONPAY: SecretSetting = SecretSetting { value: "MOONPAY_SECRET", arn: "MOONPAY_SECRET_ARN" };

/// The settings that the function reads.
pub const SETTINGS: &[&str] = &[
    config::CHAINS,
    CLIENT_IP_HEADER,
    COINBASE.arn,
    COINBASE.value,
    LATE_CARD_PAYMENTS,
    MODE,
    MOONPAY.arn,
    MOONPAY.value,
    config::ONRAMPS,
    config::PUBLIC_URL,
    STRIPE.arn,
    STRIPE.value,
    config::TABLE_NAME,
];

/// Opens the vendors that are set up. One without its secret fails the start and is named.
pub async fn vendors(settings: Settings, aws: &SdkConfig, onramps: &Onramps) -> Result<Vendors, ConfigError> {
    let is_sandbox = settings.parsed(MODE, is_sandbox)?.unwrap_or_default();
    let http = || Vendors::http_client().map_err(|error| ConfigError::Certificates(error.to_string()));
    let mut vendors = Vec::new();
    for vendor in onramps.iter() {
        vendors.push(match vendor {
            OnrampVendor::Coinbase => {
                let http = http()?;
                let parse = |json: &str| Coinbase::new(http, &CoinbaseSecret::parse(json)?, is_sandbox);
                Vendor::Coinbase(Box::new(COINBASE.read(settings, aws, parse).await?))
            }
            OnrampVendor::Moonpay => {
                let secret = MOONPAY.read(settings, aws, MoonPaySecret::parse).await?;
                Vendor::MoonPay(MoonPay::new(secret, is_sandbox))
            }
            OnrampVendor::Stripe => {
                let http = http()?;
                let parse = |json: &str| StripeOnramp::new(http, StripeSecret::parse(json)?, is_sandbox);
                Vendor::Stripe(Box::new(STRIPE.read(settings, aws, parse).await?))
            }
            // The first sells no crypto, and `Onramps` does not read the other.
            OnrampVendor::StripeWeb2 | OnrampVendor::None => continue,
        });
    }
    Ok(Vendors::new(vendors))
}

/// Fails if the vendors sell nothing and cards would be charged: at Stripe the key decides.
pub fn agree(settings: Settings, cards: Option<&Cards>) -> Result<(), ConfigError> {
    let charges = cards.is_some_and(|cards| !cards.stripe.is_test());
    let mode = |mode: &str| {
        let disagrees = is_sandbox(mode)? && charges;
        if disagrees {
            Err(Invalid::expected("`live`, or a key of Stripe's sandbox, `rk_test_…`"))
        } else {
            Ok(())
        }
    };
    settings.parsed(MODE, mode).map(|_| ())
}

/// Returns [`CLIENT_IP_HEADER`].
pub fn client_ip_header(settings: Settings) -> Result<Option<String>, ConfigError> {
    settings.parsed(CLIENT_IP_HEADER, |name| {
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_name { Ok(name.to_owned()) } else { Err(Invalid::expected("the name of a header")) }
    })
}

fn is_sandbox(mode: &str) -> Result<bool, Invalid> {
    match mode {
        "live" => Ok(false),
        "sandbox" => Ok(true),
        _ => Err(Invalid::expected("`live` or `sandbox`")),
    }
}
