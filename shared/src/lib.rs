//! Checkout sessions and the orders that pay them.
//!
//! A merchant opens a [`session`] before the payer has chosen how to pay; later one
//! [`order`] links itself to it, [`payment`] events report what happened to the money, and
//! the [`checkout`] that holds all three says at any instant what its status is.
//!
//! The modules at the top level are the rules: no AWS, no HTTP, no clock, no randomness.
//! [`store`] keeps them in DynamoDB, [`api`] speaks the wire contract, [`config`] reads the
//! environment. Arrows point one way: `functions → api, store → rules`.

pub mod address;
pub mod amount;
pub mod api;
pub mod chain_config;
pub mod chain_fact;
pub mod checkout;
pub mod config;
pub mod deposit_address;
pub mod id;
pub mod invalid;
pub mod json_object;
pub mod ledger;
pub mod onramp;
pub mod order;
pub mod payment;
pub mod redirect;
pub mod session;
pub mod settlement;
pub mod store;
pub mod text;
pub mod time;
