//! The Lambda function `pay-order`.

use std::convert::Infallible;

use api::Event;
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn};
use pay_order::PayOrder;
use pay_order::settings::{self, SETTINGS};
use runtime::config::Settings;
use runtime::{Clock, aws};
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let onramps = settings.onramps()?;
    let chains = settings.chains()?;
    let client_ip_header = settings::client_ip_header(settings)?;
    let public_url = settings.public_url()?;
    let table = settings.table_name()?;
    let aws = aws::sdk_config()?;
    let vendors = settings::vendors(settings, &aws, &onramps).await?;
    let cards = cards::settings::cards(settings, &aws, |aws| Store::new(aws, table.clone())).await?;
    settings::agree(settings, cards.as_ref())?;
    let store = Store::new(&aws, table);
    // Also opens the connection.
    let chains = store.load_chains(chains).await?;
    let clock = Clock::system();
    let pay_order = &PayOrder { store, clock, chains, onramps, vendors, cards, public_url, client_ip_header };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| {
        Box::pin(async move { Ok::<_, Infallible>(pay_order.respond(event.payload).await) })
    }))
    .await
}
