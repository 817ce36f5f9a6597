//! The contracts on a real EVM node, among friends and enemies.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "for tests: one that meets what it does not expect must fail"
)]

mod abi;
mod addresses;
mod batches;
mod compiled;
mod gas;
mod local_chain;
mod sweeps;
