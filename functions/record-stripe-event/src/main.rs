//! The Lambda function `record-stripe-event`.

use cards::settings::{self, SETTINGS, STRIPE};
use domain::onramp::OnrampVendor;
use lambda_http::Error;
use onramp::StripeSecret;
use record_stripe_event::RecordStripeEvent;
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let sells_crypto = settings.onramps()?.contains(OnrampVendor::Stripe);
    let table = settings.table_name()?;
    let aws = aws::sdk_config()?;
    let store = Store::new(&aws, table);
    let cards = settings::cards(settings, &aws, |_| store.clone()).await?;
    let secrets = match &cards {
        Some(cards) => Some(cards.stripe.webhook_secrets().to_vec()),
        None if sells_crypto => Some(STRIPE.read(settings, &aws, StripeSecret::parse).await?.webhook_secrets),
        None => None,
    };
    if secrets.is_some() {
        store.connect().await;
    }
    api::run(RecordStripeEvent { store, secrets, cards, sells_crypto, clock: Clock::system() }).await
}
