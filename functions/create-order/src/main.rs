//! The Lambda function `create-order`.

use create_order::{CreateOrder, SETTINGS};
use lambda_http::Error;
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::{KeyRing, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let factory = settings.forwarder_factory()?;
    let chains = settings.chains()?;
    let requires_key = settings.requires_api_key()?;
    let retention = settings.session_retention()?;
    let onramps = settings.onramps()?;
    let public_url = settings.public_url()?;
    let table = settings.table_name()?;
    let store = Store::new(&aws::sdk_config()?, table);
    // Also opens the connection.
    let chains = store.load_chains(chains).await?;
    let clock = Clock::system();
    let keys = KeyRing::new(store.clone(), clock.clone());
    api::run(CreateOrder {
        store,
        keys,
        requires_key,
        clock,
        factory,
        chains,
        onramps,
        retention,
        public_url,
    })
    .await
}
