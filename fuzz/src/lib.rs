//! What the fuzz targets share: the six functions over an engine in memory with some sessions
//! and orders in it, requests to them, and what holds for every answer.
//!
//! A finding must replay from its file: the clock stands still, the ids are fixed, and each
//! input meets the same table. A target reports by panicking, at which libFuzzer keeps the
//! input.

mod answer;
mod fixture;
pub mod json;
mod request;
mod service;

pub use answer::Answer;
pub use fixture::{NOW, SECRET, deposit, order, subject};
pub use request::Request;
pub use service::Service;
