//! The Lambda function `expire-checkout-session`.

use expire_checkout_session::ExpireCheckoutSession;
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
    api::run(ExpireCheckoutSession { store, clock }).await
}
