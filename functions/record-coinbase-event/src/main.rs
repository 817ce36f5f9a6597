//! The Lambda function `record-coinbase-event`.

use domain::onramp::OnrampVendor;
use lambda_http::Error;
use onramp::CoinbaseSecret;
use record_coinbase_event::{RecordCoinbaseEvent, SECRET, SETTINGS};
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let is_offered = settings.onramps()?.contains(OnrampVendor::Coinbase);
    let table = settings.table_name()?;
    let aws = aws::sdk_config()?;
    let secrets = if is_offered {
        SECRET.read(settings, &aws, CoinbaseSecret::parse).await?.webhook_secrets
    } else {
        Vec::new()
    };
    let store = Store::new(&aws, table);
    store.connect().await;
    api::run(RecordCoinbaseEvent { store, secrets, clock: Clock::system() }).await
}
