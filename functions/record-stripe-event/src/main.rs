//! The Lambda function `record-stripe-event`.

use cards::settings::{self, SETTINGS};
use lambda_http::Error;
use record_stripe_event::RecordStripeEvent;
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let table = settings.table_name()?;
    let aws = aws::sdk_config()?;
    let cards = settings::cards(settings, &aws, |aws| Store::new(aws, table)).await?;
    if let Some(cards) = &cards {
        cards.store.connect().await;
    }
    api::run(RecordStripeEvent { cards, clock: Clock::system() }).await
}
