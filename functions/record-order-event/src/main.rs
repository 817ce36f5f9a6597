//! The Lambda function `record-order-event`.

use checkout::api::{self, Clock};
use checkout::{config, store};
use lambda_http::Error;
use record_order_event::{RecordOrderEvent, signing_secrets};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::start_logging()?;
    let table = config::table_name()?;
    let aws = store::sdk_config()?;
    let secrets = signing_secrets(&aws).await?;
    let store = store::Store::new(&aws, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(RecordOrderEvent { store, clock, secrets }).await
}
