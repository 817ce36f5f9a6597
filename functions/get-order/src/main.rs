//! The Lambda function `get-order`.

use get_order::{GetOrder, SETTINGS};
use lambda_http::Error;
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::{KeyRing, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let public_url = settings.public_url()?;
    let table = settings.table_name()?;
    let store = Store::new(&aws::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    let keys = KeyRing::new(store.clone(), clock.clone());
    api::run(GetOrder { store, keys, clock, public_url }).await
}
