//! The Lambda function `create-checkout-session`.

use checkout::api::{self, Clock};
use checkout::{config, store};
use create_checkout_session::CreateCheckoutSession;
use lambda_http::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    api::start_logging()?;
    let retention = config::session_retention()?;
    let table = config::table_name()?;
    let store = store::Store::new(&store::sdk_config()?, table);
    store.connect().await;
    let clock = Clock::system();
    api::run(CreateCheckoutSession { store, clock, retention }).await
}
