//! Running an endpoint as a Lambda function.

use std::convert::Infallible;

use lambda_http::lambda_runtime::{self, LambdaEvent};
use lambda_http::{Error, service_fn};

use super::{Endpoint, Event, serve};

/// Answers events until Lambda ends the process.
///
/// It stands on `lambda_runtime` and the event types, one layer below `lambda_http::run`:
/// see [`Request`](super::Request) for why.
pub async fn run(endpoint: impl Endpoint) -> Result<(), Error> {
    let endpoint = &endpoint;
    // Boxed: the SDK's futures are nested so deeply that with the runtime's around them the
    // compiler gives up on their layout.
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| {
        Box::pin(async move { Ok::<_, Infallible>(serve(endpoint, event.payload).await) })
    }))
    .await
}
