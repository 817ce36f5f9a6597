//! The Lambda function `record-order-event`.

use lambda_http::Error;
use record_order_event::{RecordOrderEvent, SECRET};
use runtime::{Clock, SigningSecrets, aws, config};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let table = config::table_name()?;
    let aws = aws::sdk_config()?;
    let secrets = SECRET.read(&aws, SigningSecrets::parse).await?;
    let store = Store::new(&aws, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(RecordOrderEvent { store, clock, secrets }).await
}
