//! An HTTPS client for servers that this service does not control.
//!
//! Every exchange is bounded in time and in size, and no redirect is followed: a redirect would carry the key in a URL to
//! another host. No error contains a URL, a host or a body, because URLs often contain keys.

mod client;
mod endpoint;

pub use client::{HttpError, HttpsClient, Limits};
pub use endpoint::{Endpoint, NotAnEndpoint};
