//! What goes wrong: faults between the functions and the database, and random clients under them
//! whose answers must explain each other.
//!
//! A binary of its own, and not a part of the system tests: it keeps every core busy, and those
//! hold races to a time limit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect must fail"
)]

mod faults;
mod histories;
