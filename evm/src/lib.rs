//! Speaks to the nodes of an EVM chain: asks them, reads logs, and pays for calls.
//!
//! [`rpc`] carries JSON-RPC to one of several [`Endpoint`]s and fails over to the next one. [`node`] asks
//! typed questions over it. A [`filter`] says which logs are asked for, and [`reader`] reads them over any
//! range of blocks. [`abi`] contains the calls and events of the token's and the factory's contracts,
//! [`transaction`] wraps a call into a transaction with its [`fees`], and a [`signer`] signs it.
//!
//! The crate remembers how healthy each endpoint is, and nothing of the chain. The watcher decides what to ask
//! and when.

pub mod abi;
mod batch;
pub mod block;
pub mod error;
pub mod fees;
pub mod filter;
mod head;
mod health;
#[cfg(feature = "kms")]
pub mod kms;
pub mod local;
pub mod log;
mod logs;
pub mod node;
mod quantity;
pub mod reader;
pub mod receipt;
pub mod rpc;
mod session;
pub mod signer;
pub mod transaction;
mod transport;
mod verdict;
mod wire;

pub use error::{NodeError, RpcError};
pub use http_client::{Endpoint, Limits};
pub use node::Node;
pub use reader::{LogReader, Reading};
pub use rpc::Rpc;
pub use signer::Signer;
