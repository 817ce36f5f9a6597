//! Mutations of JSON that leave it JSON. The fuzzer's own seldom do: nearly all that they make
//! of an event is no event any more, and ends in the parser.

use fastrand::Rng;
use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

/// How much a text may grow in one mutation.
const GROWTH: usize = 64;

/// Mutates an input that is JSON, now and then as the bytes that it is. What libFuzzer asks of
/// a custom mutator.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Rng::with_seed(seed.into());
    let parsed = data.get(..size).and_then(|input| serde_json::from_slice::<Value>(input).ok());
    if let Some(mut value) = parsed.filter(|_| random.u8(..10) > 0) {
        for _ in 0..random.u8(1..=3) {
            change(&mut value, &mut random);
        }
        let text = value.to_string();
        if let Some(place) = data.get_mut(..text.len()).filter(|place| place.len() <= max_size) {
            place.copy_from_slice(text.as_bytes());
            return text.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
}

/// Changes one node, any of them.
fn change(value: &mut Value, random: &mut Rng) {
    let mut at = random.usize(..count(value));
    let Some(node) = nth(value, &mut at) else { return };
    match node {
        _ if random.u8(..8) == 0 => *node = odd(random),
        Value::String(text) => change_text(text, random),
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            let Some(name) = random.choice(names) else { return };
            let mut other = name.clone();
            change_text(&mut other, random);
            let value = if random.bool() { members.remove(&name) } else { members.get(&name).cloned() };
            if random.bool() {
                members.insert(other, value.unwrap_or_default());
            }
        }
        Value::Array(items) if items.is_empty() || random.bool() => items.push(odd(random)),
        Value::Array(items) => drop(items.pop()),
        Value::Null | Value::Bool(_) | Value::Number(_) => *node = odd(random),
    }
}

/// Changes a text: what is JSON itself, a body for one, as that, all else as libFuzzer would.
fn change_text(text: &mut String, random: &mut Rng) {
    let parsed = serde_json::from_str(text).ok().filter(|value: &Value| value.is_object());
    if let Some(mut value) = parsed.filter(|_| random.u8(..4) > 0) {
        change(&mut value, random);
        *text = value.to_string();
        return;
    }
    let mut bytes = text.clone().into_bytes();
    let (size, most) = (bytes.len(), bytes.len() + GROWTH);
    bytes.resize(most, 0);
    let size = fuzzer_mutate(&mut bytes, size, most);
    bytes.truncate(size);
    *text = String::from_utf8_lossy(&bytes).into_owned();
}

/// A value that readers trip over.
fn odd(random: &mut Rng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(f64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("ü"),
        json!("9".repeat(79)),
        json!([]),
        json!({}),
    ];
    random.choice(values).unwrap_or_default()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The node that comes after `at` others.
fn nth<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, at)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, at)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
