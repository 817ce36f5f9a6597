//! The crate seen from outside: a node that answers as nodes do at their worst, and a stand-in for KMS.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong in the double or a helper fails the test"
)]

mod batch;
mod chain;
mod double;
mod failover;
mod head;
mod kms;
mod log_lines;
mod logs;
mod node;
mod reader;
mod rpc;
mod signer;
