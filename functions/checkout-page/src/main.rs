//! The Lambda function `checkout-page`.

use std::convert::Infallible;

use api::Event;
use checkout_page::{CheckoutPage, PageConfiguration, SETTINGS, brand};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn};
use runtime::aws;
use runtime::config::Settings;
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let brand = brand::read(settings)?;
    let schemes = settings.redirect_schemes()?;
    let chains = settings.chains()?;
    let onramps = settings.onramps()?;
    let table = settings.table_name()?;
    let chains = Store::new(&aws::sdk_config()?, table).load_chains(chains).await?;
    let page = CheckoutPage::new(&PageConfiguration::new(&brand, &chains, &schemes, &onramps, false));
    let page = &page;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        Ok::<_, Infallible>(page.respond(event.payload))
    }))
    .await
}
