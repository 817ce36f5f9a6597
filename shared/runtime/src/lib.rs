//! What every function runs on: its settings, its clock, its log, the AWS clients' configuration, secrets, and webhook
//! signatures. It contains no rule and no wire format.

pub mod aws;
mod clock;
pub mod config;
mod dependency;
mod log;
pub mod random;
#[cfg(feature = "secrets")]
pub mod secret;
pub mod signature;
mod tls;

pub use clock::Clock;
pub use dependency::DependencyError;
pub use log::{log_lines, start_logging};
pub use signature::SigningSecrets;
