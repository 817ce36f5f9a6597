//! The forwarder factory as it is placed on a chain: its compiled code, and who places it.

use alloy_primitives::{Address, B256, Bytes, address};
use anyhow::{Context as _, Result};
use serde_json::Value;

/// The factory's compiled form, as `npm run build` wrote it.
pub const FORWARDER_FACTORY: &str = include_str!("../out/ForwarderFactory.json");

/// The deterministic deployer: it stands at this address on nearly every chain, has no owner, and places
/// what it is sent by CREATE2.
pub const DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// The creation code in a compiled contract.
pub fn creation_code(artifact: &str) -> Result<Bytes> {
    let artifact: Value = serde_json::from_str(artifact)?;
    let code = artifact.get("bytecode").and_then(Value::as_str).context("the artifact has no bytecode")?;
    code.parse().context("the artifact's bytecode is not hex")
}

/// What is sent to the deployer to have the factory placed: the salt, which is zero, and the creation code.
/// Anybody can send it; a second time it changes nothing.
pub fn placement() -> Result<Bytes> {
    Ok([B256::ZERO.as_slice(), &creation_code(FORWARDER_FACTORY)?].concat().into())
}

/// Where the factory stands on every chain on which it was placed.
pub fn factory_address() -> Result<Address> {
    Ok(DEPLOYER.create2_from_code(B256::ZERO, creation_code(FORWARDER_FACTORY)?))
}
