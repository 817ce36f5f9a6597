//! The Lambda function `get-order`.

use get_order::GetOrder;
use lambda_http::Error;
use runtime::{Clock, aws, config};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let table = config::table_name()?;
    let store = Store::new(&aws::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(GetOrder { store, clock }).await
}
