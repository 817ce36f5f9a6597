//! The crate seen from outside: a node that answers as nodes do at their worst, and a stand-in for KMS.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what goes wrong in the double or a helper fails the test"
)]

mod double;
mod kms;
mod node;
mod rpc;
mod signer;
