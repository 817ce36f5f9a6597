//! What a function may do, as `template.yaml` grants it, and what its calls needed.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value;

use super::Call;

/// Actions such as `dynamodb:GetItem`, by what they are done to, as the template calls it. The table comes with the
/// partition keys that a statement allows: `Table.Arn checkout#*, idempotency#*`.
pub type Permissions = BTreeMap<String, BTreeSet<String>>;

/// What the template calls the table.
pub const TABLE: &str = "Table.Arn";

/// What a function is granted, under whatever condition. Every resource is named by what it is in the template: one that
/// is written out, a `*` among them, fails.
pub fn granted(function: &str) -> Permissions {
    let document = &super::template().document;
    let resources = document["Resources"].as_mapping().unwrap();
    let folder = format!("functions/{function}");
    let mut with_code = resources.values().filter(|resource| resource["Properties"]["CodeUri"] == *folder);
    let function = with_code.next().unwrap();
    let policies = function["Properties"]["Policies"].as_sequence().unwrap();
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_sequence().unwrap());

    let mut granted = Permissions::new();
    for statement in statements.map(where_it_holds) {
        assert_eq!(statement["Effect"], "Allow");
        for resource in one_or_more(&statement["Resource"]) {
            let Value::Tagged(name) = resource else { panic!("a resource is written out: {statement:?}") };
            let actions = statement["Action"].as_sequence().unwrap();
            let actions = actions.iter().map(|action| action.as_str().unwrap().to_owned());
            let resource = name.value.as_str().unwrap();
            let resource = match leading_keys(statement) {
                // An index has partition keys of its own.
                keys if resource == TABLE => format!("{TABLE} {}", keys.join(", ")),
                _ => resource.to_owned(),
            };
            granted.entry(resource).or_default().extend(actions);
        }
    }
    granted
}

/// A statement that is granted only under a condition, as if that held.
fn where_it_holds(statement: &Value) -> &Value {
    if let Value::Tagged(choice) = statement
        && choice.tag == "If"
    {
        &choice.value[1]
    } else {
        statement
    }
}

/// The partition keys that a statement is limited to.
fn leading_keys(statement: &Value) -> Vec<&str> {
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    one_or_more(keys).iter().filter_map(Value::as_str).collect()
}

fn one_or_more(value: &Value) -> &[Value] {
    value.as_sequence().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// What these calls needed, by the statements that allow it. What none allows is named by its own partition keys, and
/// so is not among what is granted.
pub fn needed(calls: &[Call], granted: &Permissions) -> Permissions {
    let mut needed = Permissions::new();
    for call in calls {
        let resource = match call.request["IndexName"].as_str() {
            None => statement_for(&partitions_of(&call.request), granted),
            Some(index) => format!("${{{TABLE}}}/index/{index}"),
        };
        needed.entry(resource).or_default().extend(actions_of(call));
    }
    needed
}

/// The granted statement on the table that allows all of these partition keys. IAM asks it of all keys of a request, so
/// one statement must allow those of a transaction.
fn statement_for(partitions: &BTreeSet<String>, granted: &Permissions) -> String {
    let allows = |resource: &&String| {
        let keys = resource.strip_prefix(TABLE).unwrap_or_default();
        partitions.iter().all(|partition| keys.split([' ', ',']).any(|key| key == partition))
    };
    let unknown = || format!("{TABLE} {}", partitions.iter().cloned().collect::<Vec<_>>().join(", "));
    granted.keys().find(allows).cloned().unwrap_or_else(unknown)
}

/// The kinds of partition keys in a request, as the template writes them: `checkout#*`.
fn partitions_of(request: &serde_json::Value) -> BTreeSet<String> {
    let kind = |key: &serde_json::Value| {
        let key = key["S"].as_str()?;
        Some(key.split_once('#').map_or_else(|| key.to_owned(), |(kind, _)| format!("{kind}#*")))
    };
    let of = |part: &serde_json::Value| {
        [&part["Key"]["pk"], &part["Item"]["pk"], &part["ExpressionAttributeValues"][":pk"]]
            .into_iter()
            .find_map(kind)
    };
    if let Some(tables) = request["RequestItems"].as_object() {
        let keys = tables.values().flat_map(|table| table["Keys"].as_array().unwrap());
        return keys.filter_map(|key| kind(&key["pk"])).collect();
    }
    match request["TransactItems"].as_array() {
        None => of(request).into_iter().collect(),
        Some(items) => {
            items.iter().flat_map(|item| item.as_object().unwrap().values()).filter_map(of).collect()
        }
    }
}

fn actions_of(call: &Call) -> Vec<String> {
    if call.operation != "TransactWriteItems" {
        return vec![format!("dynamodb:{}", call.operation)];
    }
    let items = call.request["TransactItems"].as_array().unwrap();
    let kinds = items.iter().flat_map(|item| item.as_object().unwrap().keys());
    kinds
        .map(|kind| match kind.as_str() {
            "Put" => "dynamodb:PutItem".to_owned(),
            "Update" => "dynamodb:UpdateItem".to_owned(),
            "Delete" => "dynamodb:DeleteItem".to_owned(),
            "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
            other => panic!("{other} in a transaction"),
        })
        .collect()
}
