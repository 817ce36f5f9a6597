//! The Lambda function `create-order`.

use create_order::CreateOrder;
use lambda_http::Error;
use runtime::{Clock, aws, config};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let factory = config::forwarder_factory()?;
    let chains = config::chains()?;
    let retention = config::session_retention()?;
    let table = config::table_name()?;
    let store = Store::new(&aws::sdk_config()?, table);
    // Also opens the connection.
    let chains = store.load_chains(chains).await?;
    let clock = Clock::system();
    api::run(CreateOrder { store, clock, factory, chains, retention }).await
}
