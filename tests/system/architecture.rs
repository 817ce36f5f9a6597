//! Which crate may use which (docs/architecture.md, *Crates*).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the workspace's own crates that a crate uses when it ships.
fn own_dependencies(folder: &Path) -> BTreeSet<String> {
    let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap();
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flat_map(toml::Table::keys).map(String::as_str);
    names.filter(|name| OWN.contains(name)).map(str::to_owned).collect()
}

/// The crates that ship inside functions.
const OWN: [&str; 8] = ["api", "cards", "domain", "evm", "http-client", "onramp", "runtime", "store"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn dependencies_between_crates_point_one_way() {
    let crates = [
        ("api", "shared/api"),
        ("cards", "shared/cards"),
        ("domain", "shared/domain"),
        ("evm", "evm"),
        ("http-client", "http-client"),
        ("onramp", "onramp"),
        ("runtime", "shared/runtime"),
        ("store", "shared/store"),
    ];
    let found: BTreeMap<_, _> =
        crates.into_iter().map(|(name, folder)| (name, own_dependencies(&root().join(folder)))).collect();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let expected = BTreeMap::from([
        ("api", names(&["domain", "runtime"])),
        ("cards", names(&["domain", "onramp", "runtime", "store"])),
        ("domain", names(&[])),
        ("evm", names(&["http-client"])),
        ("http-client", names(&[])),
        ("onramp", names(&["domain", "http-client"])),
        ("runtime", names(&["domain"])),
        ("store", names(&["domain", "runtime"])),
    ]);
    assert_eq!(found, expected);
}

#[test]
fn domain_uses_no_crate_that_reaches_a_network_or_a_database() {
    let manifest = fs::read_to_string(root().join("shared/domain/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    let names: Vec<_> = dependencies.keys().map(String::as_str).collect();
    // A new name here is a decision: it must compute, and neither reach out nor read a clock.
    let expected = [
        "alloy-primitives",
        "base64",
        "chrono",
        "crc32fast",
        "serde",
        "serde_json",
        "sha2",
        "thiserror",
        "url",
        "uuid",
    ];
    assert_eq!(names, expected);
}

#[test]
fn functions_that_serve_no_http_use_no_api_crate() {
    let endpoints = folders_with_a_route();
    for entry in fs::read_dir(root().join("functions")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let uses_api = own_dependencies(&folder).contains("api");
        assert_eq!(uses_api, endpoints.contains(&name), "{name}");
    }
}

/// Returns the folders of the functions that `template.yaml` gives a route.
fn folders_with_a_route() -> BTreeSet<String> {
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let mut folder = String::new();
    let mut found = BTreeSet::new();
    for line in template.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("CodeUri: functions/") {
            name.trim_end_matches('/').clone_into(&mut folder);
        }
        if line == "Type: HttpApi" {
            found.insert(folder.clone());
        }
    }
    found
}
