//! Checkout sessions and the orders that pay them.
//!
//! A merchant opens a [`session`] before the payer has chosen how to pay. Later one [`order`] links to it, and
//! [`payment`] events report what happened to the money. [`lifecycle`] combines all three: it computes the status at any
//! instant.
//!
//! This crate is the rules alone: no AWS, no HTTP, no clock, no randomness. It depends on no other crate of this
//! workspace, so no rule can depend on how a fact is stored or shown.

pub mod address;
pub mod amount;
pub mod api_key;
pub mod card;
pub mod chain_config;
pub mod chain_fact;
pub mod deposit_address;
pub mod display;
pub mod id;
pub mod idempotency_key;
pub mod invalid;
pub mod json_object;
pub mod lifecycle;
pub mod listing;
pub mod merchant;
pub mod onramp;
pub mod onramps;
pub mod order;
pub mod payment;
pub mod payment_link;
pub mod payment_state;
pub mod pricing;
pub mod record;
pub mod redirect;
pub mod retention;
pub mod session;
pub mod settlement;
pub mod text;
pub mod time;
pub mod token;
