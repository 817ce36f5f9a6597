//! The service on one machine: the same handlers as deployed, behind a gateway that turns
//! HTTP requests into the events API Gateway sends, over an embedded DynamoDB engine.

pub mod chains;
pub mod demo;
pub mod engine;
pub mod event;
pub mod evm_node;
pub mod functions;
pub mod gateway;
pub mod in_process;
pub mod keys;
pub mod local_chain;
pub mod onramp;
pub mod pay;
pub mod payer;
pub mod running;
mod standing;
pub mod template;
