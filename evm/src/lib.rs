//! How to speak to an EVM chain: ask a node, read what its contracts wrote down, pay for a call.
//!
//! [`rpc`] carries JSON-RPC to one of several [`endpoint`]s and trusts no answer; [`node`] asks typed
//! questions over it, with a [`filter`] that cannot ask for everything by mistake. [`abi`] knows
//! the token's and the factory's words, [`transaction`] puts them into a transaction with its [`fees`],
//! and a [`signer`] signs it.
//!
//! Nothing here remembers, waits or decides: whoever watches the chain does.

pub mod abi;
pub mod block;
pub mod endpoint;
pub mod error;
pub mod fees;
pub mod filter;
#[cfg(feature = "kms")]
pub mod kms;
pub mod local;
pub mod log;
pub mod node;
mod quantity;
pub mod receipt;
pub mod rpc;
pub mod signer;
pub mod transaction;
mod transport;

pub use endpoint::Endpoint;
pub use error::{NodeError, RpcError};
pub use node::Node;
pub use rpc::Rpc;
pub use signer::Signer;
