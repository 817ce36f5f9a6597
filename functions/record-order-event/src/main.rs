//! The Lambda function `record-order-event`.

use lambda_http::Error;
use record_order_event::{RecordOrderEvent, SECRET, SETTINGS};
use runtime::config::Settings;
use runtime::{Clock, SigningSecrets, aws};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let public_url = settings.public_url()?;
    let table = settings.table_name()?;
    let aws = aws::sdk_config()?;
    let secrets = SECRET.read(settings, &aws, SigningSecrets::parse).await?;
    let store = Store::new(&aws, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(RecordOrderEvent { store, clock, secrets, public_url }).await
}
