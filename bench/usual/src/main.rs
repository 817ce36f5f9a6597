//! A bare function as it is usually written: every default feature of `lambda_http`, a runtime with several threads, and
//! the log that `lambda_http` sets up. It shows what of a ratio is the bare function's own leanness.

use lambda_http::{Error, Request, run, service_fn, tracing};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    run(service_fn(|_: Request| async { Ok::<_, Error>("{}") })).await
}
