//! The Lambda function `list-orders`.

use lambda_http::Error;
use list_orders::{ListOrders, SETTINGS};
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::{KeyRing, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let is_public = settings.has_public_order_history()?;
    let public_url = settings.public_url()?;
    let table = settings.table_name()?;
    let store = Store::new(&aws::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    let keys = KeyRing::new(store.clone(), clock.clone());
    api::run(ListOrders { store, keys, clock, is_public, public_url }).await
}
