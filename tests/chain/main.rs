//! Money on a real chain: the six functions and the watcher over one table, a node, and between watcher and node a
//! double that lags, errs and forgets.
//!
//! Whatever happens, three things hold at the end: an order's money is counted once, its recipient has exactly what was
//! deposited, and no session has left a terminal status that a reader could see.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect must fail"
)]

mod abuse;
mod crashes;
mod endpoints;
mod fuse;
mod late;
mod local_chain;
mod log_capture;
mod node_double;
mod node_habits;
mod operator;
mod paying;
mod permissions;
mod random;
mod reorganisations;
mod reports;
mod settling;
mod strangers;
mod unreliable_node;
mod world;
