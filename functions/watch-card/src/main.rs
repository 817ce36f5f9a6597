//! The Lambda function `watch-card`.

use cards::settings::{self, SETTINGS};
use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn, tracing};
use runtime::aws;
use runtime::config::Settings;
use serde_json::Value;
use store::Store;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    runtime::start_logging()?;
    let settings = Settings::declared(SETTINGS);
    let table = settings.table_name()?;
    let aws = aws::sdk_config()?;
    let cards = &settings::cards(settings, &aws, |aws| Store::new(aws, table)).await?;
    lambda_runtime::run(service_fn(|_: LambdaEvent<Value>| {
        Box::pin(async move {
            if let Some(cards) = cards {
                let run = watch_card::run(cards).await?;
                tracing::info!(looked_at = run.looked_at, failed = run.failed, "card payments looked at");
            }
            Ok::<_, Error>(())
        })
    }))
    .await
}
