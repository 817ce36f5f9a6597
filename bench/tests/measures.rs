//! The measurement depends on how the service stores orders and what it asks, so each change of the service tries it.
//! `.ci/run` tries the others, which need the functions' binaries.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn chain_measures_every_table() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chain.json");
    let sizes = "0,3,1001";
    let run = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args([
            "chain",
            "--sizes",
            sizes,
            "--paid",
            "3",
            "--short",
            "3",
            "--repeats",
            "1",
            "--unread",
            "10",
            "--json",
        ])
        .arg(&file)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{output}{}", String::from_utf8_lossy(&run.stderr));
    let report: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();

    let later = |place: usize| &report["waiting"][place]["steps"][2]["cost"];
    assert_eq!(later(0)["node"]["requests"], 0, "{output}");
    for place in [1, 2] {
        assert!(later(place)["node"]["requests"].as_u64() > Some(0), "{output}");
        assert_eq!(report["waiting"][place]["recorded_after"], 1, "{output}");
    }
    for settling in report["settling"].as_array().unwrap() {
        assert_eq!(settling["transactions"], 1, "{output}");
    }
    assert!(report["waiting"][2]["run"]["memory_kib"].as_u64() > Some(0), "{output}");
}
