//! The Lambda function `create-order`.

use checkout::api::{self, Clock};
use checkout::{config, store};
use create_order::CreateOrder;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::start_logging()?;
    let factory = config::forwarder_factory()?;
    let chains = config::chains()?;
    let retention = config::session_retention()?;
    let table = config::table_name()?;
    let store = store::Store::new(&store::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(CreateOrder { store, clock, factory, chains, retention }).await
}
