//! The system seen from outside: every rule of the contract over HTTP, against the real
//! handlers, the real SDK client and a real engine.
//!
//! Each test has a service and a table of its own, so all run side by side. With
//! `DYNAMODB_ENDPOINT` set, the same tests run against the DynamoDB at that URL.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect must fail"
)]

mod api_keys;
mod architecture;
mod capacity;
mod card_payments;
mod checkout_page;
mod coinbase;
mod conditions;
mod create_order;
mod create_session;
mod cross_origin;
mod deadline;
mod entity_tags;
mod event_files;
mod expire_session;
mod get_order;
mod get_session;
mod hostile_input;
mod idempotency;
mod lifecycle;
mod lists;
mod many_deposits;
mod payment_links;
mod priced_sessions;
mod races;
mod record_event;
mod round_trips;
mod security;
mod signatures;
mod stripe_onramp;
mod template;
mod unavailable;
mod vendor_samples;
mod watched_chains;
