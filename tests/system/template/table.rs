//! The table: it keeps what it holds, removes what has expired, and gets one index at a time.

use dev::template::Template;
use harness::{DEFAULT_LIFETIME, Service, deposit, id_of, order};
use serde_json::json;
use serde_yaml_ng::Value;

use super::{Names, document, part, resources, text, untagged};

#[tokio::test]
async fn items_that_may_go_carry_the_ttl_attribute_of_the_table() {
    let attribute = Template::compiled_in().unwrap().table.ttl_attribute;
    let service = Service::start().await;
    let now = service.clock.now().as_seconds();
    let abandoned = service.post("/checkout-sessions").json(&json!({}));
    service.send(abandoned.header("idempotency-key", "a key")).await.ok();
    service.create_order(order()).await.ok();
    let paid_alone = id_of(&service.create_order(order()).await);
    let session = service.session().await;
    let paid = service.linked_order(&session).await;
    for paid in [paid_alone, paid] {
        service.record_event(&paid, "deposit.detected", deposit("0x01", "1")).await.ok();
    }

    let scan = service.database.scan().table_name(&service.table);
    let items = scan.consistent_read(true).send().await.unwrap().items.unwrap();
    let mut lifetimes = Vec::new();
    for item in items {
        if let Some(ttl) = item.get(&attribute) {
            let is_alone = !item.contains_key("session");
            let is_record = item.contains_key("ledger") || (item.contains_key("order") && !is_alone);
            assert!(!is_record, "a financial record would be removed");
            lifetimes.push(ttl.as_n().unwrap().parse::<i64>().unwrap() - now);
        }
    }
    lifetimes.sort_unstable();
    // The key, the order on its own that was not paid, and the session without an order; and neither an order that was
    // paid, nor the session with an order, nor a deposit.
    let thirty_days = 30 * 24 * 60 * 60;
    let session = i64::try_from(DEFAULT_LIFETIME.as_secs()).unwrap() + thirty_days;
    assert_eq!(lifetimes.len(), 3, "{lifetimes:?}");
    assert!(lifetimes[0] >= 24 * 60 * 60, "{lifetimes:?}");
    assert_eq!(lifetimes[1..], [15 * 60 + thirty_days, session]);
}

#[test]
fn the_table_keeps_what_it_holds() {
    let document = document();
    let tables = resources(&document, "AWS::DynamoDB::Table");
    assert_eq!(tables.len(), 1);
    let table = &tables["Table"];
    // Retained, but for a table whose stack could not be created.
    assert_eq!(text(table, &["DeletionPolicy"]), "RetainExceptOnCreate");
    assert_eq!(text(table, &["UpdateReplacePolicy"]), "Retain");
    let properties = part(table, &["Properties"]);
    assert_eq!(text(properties, &["BillingMode"]), "PAY_PER_REQUEST");
    for names in [
        ["PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"].as_slice(),
        &["SSESpecification", "SSEEnabled"],
        &["TimeToLiveSpecification", "Enabled"],
    ] {
        assert_eq!(part(properties, names).as_bool(), Some(true), "{names:?}");
    }
    assert_eq!(untagged(part(properties, &["DeletionProtectionEnabled"])), "TableDeletionProtection");
    assert_eq!(text(&document, &["Parameters", "TableDeletionProtection", "Default"]), "true");
}

/// The names of the table's indexes, and of the attributes that it declares, with so many indexes.
fn indexes_with(count: usize) -> (Vec<String>, Names) {
    let document = document();
    let table = part(&document, &["Resources", "Table", "Properties"]);
    let holds = |condition: &str| {
        let needed = match condition {
            "HasListedSessions" => 2,
            "HasSessionsByReference" => 3,
            "HasOrdersByCreator" => 4,
            other => panic!("the table has a condition {other}"),
        };
        count >= needed
    };
    let present = |item: &Value| match choice(item) {
        Some((condition, chosen)) => holds(condition).then(|| chosen.clone()),
        None => Some(item.clone()),
    };
    let items = |name: &str| {
        let items = part(table, &[name]).as_sequence().unwrap();
        items.iter().filter_map(present).collect::<Vec<Value>>()
    };
    let names =
        items("GlobalSecondaryIndexes").iter().map(|index| text(index, &["IndexName"]).to_owned()).collect();
    let declared = items("AttributeDefinitions");
    let declared = declared.iter().map(|item| text(item, &["AttributeName"]).to_owned()).collect();
    (names, declared)
}

#[test]
fn a_single_update_adds_at_most_one_index_and_declares_what_its_keys_use() {
    let document = document();
    let most = part(&document, &["Parameters", "Indexes", "Default"]).as_u64().unwrap();
    let most = usize::try_from(most).unwrap();
    let mut earlier: Vec<String> = Vec::new();
    for count in 1..=most {
        let (indexes, declared) = indexes_with(count);
        assert_eq!(indexes.len(), count);
        assert_eq!(indexes[..count - 1], earlier, "an update adds an index and changes none");
        let table = part(&document, &["Resources", "Table", "Properties"]);
        let all = part(table, &["GlobalSecondaryIndexes"]).as_sequence().unwrap();
        let all = all.iter().map(|item| choice(item).map_or(item, |(_, chosen)| chosen));
        let built = all.filter(|index| indexes.iter().any(|name| name == text(index, &["IndexName"])));
        let keys = built.chain([table]).flat_map(|keyed| part(keyed, &["KeySchema"]).as_sequence().unwrap());
        let used: Names = keys.map(|key| text(key, &["AttributeName"]).to_owned()).collect();
        assert_eq!(declared, used, "CloudFormation refuses an attribute that no key uses");
        earlier = indexes;
    }
}

/// The condition and the first branch of an `!If`.
fn choice(item: &Value) -> Option<(&str, &Value)> {
    let Value::Tagged(tagged) = item else { return None };
    (tagged.tag == "If").then(|| (tagged.value[0].as_str().unwrap(), &tagged.value[1]))
}
