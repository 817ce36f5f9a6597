//! The Lambda function `get-order`.

use checkout::api::{self, Clock};
use checkout::{config, store};
use get_order::GetOrder;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::start_logging()?;
    let table = config::table_name()?;
    let store = store::Store::new(&store::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(GetOrder { store, clock }).await
}
