//! The Lambda function `expire-checkout-session`.

use checkout::api::{self, Clock};
use checkout::{config, store};
use expire_checkout_session::ExpireCheckoutSession;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::start_logging()?;
    let table = config::table_name()?;
    let store = store::Store::new(&store::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(ExpireCheckoutSession { store, clock }).await
}
