//! What we send to vendors, and what their doubles send to us, in files: `.ci/vendors` shows it to the vendors' own libraries.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{card_payments, coinbase, stripe_onramp};

#[tokio::test]
async fn what_vendors_are_sent_is_written_down() {
    let samples = json!({
        "coinbase": coinbase::samples().await,
        "stripe": card_payments::samples().await,
        "stripe_onramp": stripe_onramp::samples().await,
    });
    for vendor in ["coinbase", "stripe", "stripe_onramp"] {
        assert!(
            samples[vendor].as_object().is_some_and(|samples| samples.values().all(|it| *it != Value::Null))
        );
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("vendor-samples.json");
    fs::write(path, samples.to_string()).unwrap();
}
