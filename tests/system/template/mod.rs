//! `template.yaml` held to the code: what is deployed is what was tested, and may do what the
//! tests saw it do, and nothing else.

mod alarms;
mod permissions;
mod routes;
mod settings;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dev::template::Template;
use serde_yaml_ng::Value;

type Names = BTreeSet<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the functions' folders.
fn folders() -> Names {
    let entries = fs::read_dir(root().join("functions")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    folders.collect()
}

fn document() -> Value {
    Template::compiled_in().unwrap().document
}

/// A part of the template, by the names that lead to it.
fn part<'a>(value: &'a Value, names: &[&str]) -> &'a Value {
    names.iter().fold(value, |value, name| {
        let part = value.get(name);
        part.unwrap_or_else(|| panic!("{names:?}: {name} is missing in {value:?}"))
    })
}

fn text<'a>(value: &'a Value, names: &[&str]) -> &'a str {
    part(value, names).as_str().unwrap()
}

/// The resources of a type, by their logical ids.
fn resources(document: &Value, kind: &str) -> BTreeMap<String, Value> {
    let resources = part(document, &["Resources"]).as_mapping().unwrap();
    resources
        .iter()
        .filter(|(_, resource)| text(resource, &["Type"]) == kind)
        .map(|(id, resource)| (id.as_str().unwrap().to_owned(), resource.clone()))
        .collect()
}

fn functions(document: &Value) -> BTreeMap<String, Value> {
    resources(document, "AWS::Serverless::Function")
}

const WATCHER: &str = "watch-chain";
/// The function that answers every request with a page.
const PAGE: &str = "checkout-page";

/// `create-order` as a resource is called: `CreateOrder`.
fn logical_id(folder: &str) -> String {
    let capitalised = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    };
    folder.split('-').map(capitalised).collect()
}

/// What a tag such as `!Ref` or `!Sub` is applied to.
fn untagged(value: &Value) -> &str {
    let value = if let Value::Tagged(tagged) = value { &tagged.value } else { value };
    value.as_str().unwrap()
}
