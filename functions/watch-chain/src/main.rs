//! The Lambda function `watch-chain`.

use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn};
use runtime::config::Settings;
use runtime::{Clock, aws};
use serde_json::Value;
use store::Store;
use tokio::sync::Mutex;
use watch_chain::{METRICS_NAMESPACE, NodeSettings, SETTINGS, WatchChains};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let table = settings.table_name()?;
    let (chains, factory) = (settings.chains()?, settings.forwarder_factory()?);
    let aws = aws::sdk_config()?;
    let nodes = NodeSettings::read(settings, &aws).await?;
    let store = Store::new(&aws, table);
    let chains = store.load_chains(chains).await?;
    let clock = &Clock::system();
    let namespace = &settings.optional(METRICS_NAMESPACE)?;
    let watch = &Mutex::new(WatchChains::new(&store, clock, factory, &chains, nodes)?);
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| {
        Box::pin(async {
            let mut watch = watch.lock().await;
            let outcome = watch.run().await;
            if let Some(namespace) = namespace {
                watch.metrics().write(namespace, clock.now())?;
            }
            outcome.map_err(Error::from)
        })
    }))
    .await
}
