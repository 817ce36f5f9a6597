//! The edge: API Gateway events in, the contract's envelope out.
//!
//! Nothing below it knows of HTTP, nothing in it decides a rule.

mod answer;
mod body;
mod endpoint;
mod failure;
mod idempotency;
mod json;
mod lambda;
mod request;
mod signature;
mod unreadable;
pub mod view;

pub use answer::Answer;
pub use body::{Fields, integer, object, text};
pub use endpoint::{Endpoint, Event, Response, serve};
pub use failure::{ErrorCode, Failure};
pub use lambda::run;
pub use request::{MAX_BODY_BYTES, Request};
pub use signature::{signed_for, verify_signature};
