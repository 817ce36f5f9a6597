//! The edge: API Gateway events in, the contract's envelope out.
//!
//! Nothing below it knows of HTTP, nothing in it decides a rule.

mod authorization;
mod body;
pub mod cursor;
mod endpoint;
mod error;
mod idempotency;
mod json;
mod lambda;
mod language;
mod query;
mod request;
mod response;
mod signature;
mod unreadable;
pub mod view;

pub use body::{Fields, integer, object, text};
pub use endpoint::{Endpoint, Event, LambdaResponse, serve};
pub use error::{ApiError, ErrorCode, RETRY_AFTER_SECONDS};
pub use lambda::run;
pub use language::Language;
pub use query::{Query, within};
pub use request::{MAX_BODY_BYTES, Request};
pub use response::{List, Response};
pub use signature::{signed_for, verify_signature};
