//! The Lambda function `get-order`.

use get_order::{GetOrder, SETTINGS};
use lambda_http::Error;
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let table = settings.table_name()?;
    let store = Store::new(&aws::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(GetOrder { store, clock }).await
}
