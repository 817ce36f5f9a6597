//! What is committed in `contracts/out`, held to what everybody builds against.

use std::collections::BTreeSet;
use std::process::Command;

use alloy_primitives::keccak256;
use alloy_sol_types::{SolError, SolEvent as _, SolInterface as _};
use domain::deposit_address::ForwarderFactory;
use serde_json::Value;

use crate::abi::{Factory, Forwarder};
use crate::local_chain::{LocalChain, factory};

#[test]
fn the_factory_stands_where_the_service_looks_for_it() {
    assert_eq!(contracts::factory_address().unwrap(), ForwarderFactory::DEPLOYED);
}

#[tokio::test]
async fn what_is_committed_is_what_the_sources_compile_to() {
    // The node comes with the compiler: once the one is there, so is the other.
    let _chain = LocalChain::start().await;
    let output =
        Command::new("node").args(["build.mjs", "--check"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A type as signatures name it: a struct by its members.
fn type_name(parameter: &Value) -> String {
    let name = parameter["type"].as_str().unwrap();
    match name.strip_prefix("tuple") {
        Some(rest) => format!("({}){rest}", types(&parameter["components"])),
        None => name.to_owned(),
    }
}

fn types(parameters: &Value) -> String {
    let names: Vec<_> = parameters.as_array().unwrap().iter().map(type_name).collect();
    names.join(",")
}

/// The functions, events and errors of a compiled contract, each by its signature's hash.
fn compiled(name: &str) -> BTreeSet<(String, Vec<u8>)> {
    let path = format!("{}/out/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let artifact: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let members = artifact["abi"].as_array().unwrap().iter().filter(|member| member.get("name").is_some());
    let hashes = members.map(|member| {
        let kind = member["type"].as_str().unwrap();
        let signature = format!("{}({})", member["name"].as_str().unwrap(), types(&member["inputs"]));
        let hash = keccak256(signature);
        let length = if kind == "event" { 32 } else { 4 };
        (kind.to_owned(), hash[..length].to_vec())
    });
    hashes.collect()
}

fn functions(selectors: impl Iterator<Item = [u8; 4]>) -> BTreeSet<(String, Vec<u8>)> {
    selectors.map(|selector| ("function".to_owned(), selector.to_vec())).collect()
}

#[test]
fn the_factory_can_do_what_its_abi_says_and_nothing_else() {
    let mut expected = functions(Factory::FactoryCalls::selectors());
    assert_eq!(expected.len(), 3);
    for event in [Factory::Swept::SIGNATURE_HASH, Factory::SweepFailed::SIGNATURE_HASH] {
        expected.insert(("event".to_owned(), event.to_vec()));
    }
    expected.insert(("error".to_owned(), Factory::ShortOfGas::SELECTOR.to_vec()));
    assert_eq!(compiled("ForwarderFactory"), expected);
}

#[test]
fn a_forwarder_can_flush_and_nothing_else() {
    let mut expected = functions(Forwarder::ForwarderCalls::selectors());
    assert_eq!(expected.len(), 1);
    for error in [Forwarder::OnlyTheFactory::SELECTOR, Forwarder::TransferRefused::SELECTOR] {
        expected.insert(("error".to_owned(), error.to_vec()));
    }
    assert_eq!(compiled("Forwarder"), expected);
}

/// The instructions in a piece of code, without what they push.
fn instructions(code: &[u8]) -> BTreeSet<u8> {
    let mut found = BTreeSet::new();
    let mut bytes = code.iter().copied();
    while let Some(instruction) = bytes.next() {
        found.insert(instruction);
        if (0x60..=0x7f).contains(&instruction) {
            // PUSH1 to PUSH32, and as many bytes.
            bytes.by_ref().take(usize::from(instruction - 0x5f)).for_each(drop);
        }
    }
    found
}

#[tokio::test]
async fn no_code_stores_anything_or_runs_anybody_elses() {
    const FORBIDDEN: [(u8, &str); 9] = [
        (0x54, "SLOAD"),
        (0x55, "SSTORE"),
        (0x5c, "TLOAD"),
        (0x5d, "TSTORE"),
        (0x5f, "PUSH0, which not every chain has"),
        (0xf0, "CREATE"),
        (0xf2, "CALLCODE"),
        (0xf4, "DELEGATECALL"),
        (0xff, "SELFDESTRUCT"),
    ];
    let chain = LocalChain::start().await;
    for (contract, can) in [(factory(), 0xf5), (factory().create(1), 0xf1)] {
        let code = chain.code(contract).await;
        let found = instructions(&code);
        // CREATE2 and CALL: the instructions are found at all.
        assert!(found.contains(&can), "{contract}");
        for (instruction, name) in FORBIDDEN {
            assert!(!found.contains(&instruction), "{contract} has {name}");
        }
    }
}

#[tokio::test]
async fn a_second_placement_changes_nothing() {
    let chain = LocalChain::start().await;
    let code = chain.code(factory()).await;
    assert!(!code.is_empty());
    chain.send(contracts::DEPLOYER, 0, &contracts::placement().unwrap()).await;
    assert_eq!(chain.code(factory()).await, code);
}
