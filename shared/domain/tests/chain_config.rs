//! The rules of the chains' configuration.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that meets what it does not expect must fail"
)]

use domain::chain_config::{Chains, ChainsSource};
use serde_json::{Value, json};

const TOKEN: &str = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

/// A chain with changed members.
fn chain(changes: &Value) -> Value {
    let mut chain = json!({ "chainId": 8453, "tokens": [TOKEN], "finality": "safe" });
    for (name, value) in changes.as_object().unwrap() {
        chain[name] = value.clone();
    }
    chain
}

fn parse(chains: &Value) -> Result<Chains, String> {
    Chains::parse(&chains.to_string()).map_err(|error| error.to_string())
}

#[test]
fn unset_fields_have_defaults() {
    let chains = parse(&json!([chain(&json!({}))])).unwrap();
    let chain = chains.iter().next().unwrap();
    assert_eq!((chain.block_range, chain.overlap, chain.max_head_age_seconds), (2_000, 64, 300));
}

#[test]
fn settings_that_cannot_work_are_refused_with_field_and_rule() {
    let addresses = |count: usize| -> Vec<String> { (1..=count).map(|n| format!("0x{n:040x}")).collect() };
    for (changes, error) in [
        (json!({ "tokens": [] }), "`tokens` of chain 8453 must list at least one token"),
        (
            json!({ "tokens": addresses(1_001) }),
            "`tokens` of chain 8453 must list at most 1000 tokens; it lists 1001",
        ),
        (
            json!({ "tokens": [TOKEN, TOKEN.to_uppercase().replace("0X", "0x")] }),
            "`tokens` of chain 8453 must list each token once; 0x833589FCD6EDB6E08F4C7C32D4F71B54BDA02913 occurs twice",
        ),
        (
            json!({ "tokens": [TOKEN, "0x0000000000000000000000000000000000000000"] }),
            "`tokens` of chain 8453 must list ERC-20 contracts only",
        ),
        (
            json!({ "tokens": ["0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"] }),
            "`tokens` of chain 8453 must list ERC-20 contracts only",
        ),
        (json!({ "blockRange": 0, "overlap": 0 }), "`blockRange` of chain 8453 must be at least 1"),
        (
            json!({ "blockRange": 10, "overlap": 100 }),
            "`overlap` of chain 8453 must be below 10 × `blockRange`; 100 is not below 10 × 10 = 100",
        ),
        (json!({ "maxHeadAgeSeconds": 9 }), "`maxHeadAgeSeconds` of chain 8453 must be at least 10"),
    ] {
        let refused = parse(&json!([chain(&changes)])).unwrap_err();
        assert!(refused.starts_with(error), "{refused}");
    }
    let twice = parse(&json!([chain(&json!({})), chain(&json!({}))])).unwrap_err();
    assert_eq!(twice, "`chainId` of chain 8453 must occur once");
}

#[test]
fn settings_at_their_bounds_are_accepted() {
    let tokens: Vec<String> = (1..=1_000).map(|n| format!("0x{n:040x}")).collect();
    for changes in [
        json!({ "tokens": tokens }),
        json!({ "blockRange": 10, "overlap": 99 }),
        json!({ "blockRange": u64::MAX, "overlap": 64 }),
        json!({ "maxHeadAgeSeconds": 10 }),
    ] {
        parse(&json!([chain(&changes)])).unwrap();
    }
}

#[test]
fn a_source_is_a_revision_or_the_text_itself() {
    let source = ChainsSource::parse("table:12").unwrap();
    assert!(matches!(source, ChainsSource::Table(revision) if revision.as_u32() == 12));
    assert!(matches!(ChainsSource::parse("[]").unwrap(), ChainsSource::Inline(chains) if chains.is_empty()));
    for text in
        ["table:", "table:0", "table:01", "table:-1", "table:x", "table:99999999999", "tables:1", "[{"]
    {
        assert!(ChainsSource::parse(text).is_err(), "{text}");
    }
}
