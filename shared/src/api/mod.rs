//! The edge: API Gateway events in, the contract's envelope out.
//!
//! Nothing below it knows of HTTP, nothing in it decides a rule.

mod answer;
mod body;
mod clock;
mod endpoint;
mod failure;
mod idempotency;
mod json;
mod lambda;
mod log;
mod request;
mod signature;
mod unreadable;
pub mod view;

pub use answer::Answer;
pub use body::{Fields, integer, object, text};
pub use clock::Clock;
pub use endpoint::{Endpoint, Event, Response, serve};
pub use failure::{ErrorCode, Failure};
pub use lambda::run;
pub use log::{log_lines, start_logging};
pub use request::{MAX_BODY_BYTES, Request};
pub use signature::{SigningSecrets, signed_for};
