//! Anybody may send dust to a deposit address, as often as they like. None of it may be lost,
//! and none of it may make the session slow to read.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use harness::{BASE, Service, deposit, order_for, with};
use serde_json::{Value, json};

const ALL: u32 = 5_000;
/// How many of them are reported over HTTP at the end. Each report reads and answers all that
/// came before it, so to report 5,000 takes minutes of test time and shows nothing more.
const REPORTED: u32 = 25;
/// 1 + 2 + … + 5,000: nothing less than all of them covers the order.
const SUM: u32 = ALL * (ALL + 1) / 2;

fn hash(number: u32) -> String {
    format!("0x{number:064x}")
}

/// The deposit of `number` units.
fn dust(number: u32) -> Value {
    deposit(&hash(number), &number.to_string())
}

fn string(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

#[tokio::test]
async fn five_thousand_deposits_on_one_order_are_all_kept_and_pay_it() {
    let service = Service::start().await;
    let session = service.session().await;
    let terms = json!({ "srcAmount": SUM.to_string() });
    let created = service.create_order(with(order_for(&session), terms)).await;
    let order = created.ok()["id"].as_str().unwrap();

    service.record_event(order, "deposit.detected", dust(1)).await.ok();
    write_as_recorded(&service, order, 2..=ALL - REPORTED).await;

    for number in ALL - REPORTED + 1..ALL {
        // A megabyte each time: only the last answer is looked at in every detail.
        let body = json!({ "type": "deposit.detected", "data": dust(number) }).to_string();
        let recorded = service.event(order, body.as_bytes()).send().await.unwrap();
        assert_eq!(recorded.status(), 200, "deposit {number}");
    }
    assert_eq!(service.session_status(&session).await, "open");
    let last = service.record_event(order, "deposit.detected", dust(ALL)).await;

    let seen = service.get_order(order).await;
    assert_all_are_kept(seen.ok());
    assert_eq!(last.ok(), seen.ok());
    assert_eq!(service.session_status(&session).await, "processing");
    let with_order = service.get_session_with_order(&session).await;
    assert_eq!(with_order.ok()["order"], *seen.ok());
    assert_eq!(seen.ok().get("depositTxCount"), None);

    // What is known already is neither counted nor written again.
    service.calls.take();
    for number in [1, ALL / 2, ALL] {
        let again = service.record_event(order, "deposit.detected", dust(number)).await;
        assert_eq!(again.ok(), seen.ok());
    }
    let calls = service.calls.take();
    assert!(calls.iter().all(|call| call.operation == "Query"), "{calls:?}");

    // A session is as quick to read, and to refuse to expire, as one without deposits.
    service.get_session(&session).await.ok();
    service.expire_session(&session).await.failure();
    let calls = service.calls.take();
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["GetItem", "UpdateItem"]);

    // One more is recorded and counts, and every answer lists the first ones alone.
    let recorded = service.record_event(order, "deposit.detected", dust(ALL + 1)).await;
    let with_order = service.get_session_with_order(&session).await;
    let read = service.get_order(order).await;
    for record in [recorded.ok(), read.ok(), &with_order.ok()["order"]] {
        assert_eq!(record["depositTxCount"], ALL + 1);
        assert_all_are_kept(record);
    }
    assert!(read.text.len() < 6_000_000);
    let before = with(dust(ALL + 2), json!({ "createdAt": 1_700_000_000_000_u64 }));
    let recorded = service.record_event(order, "deposit.detected", before).await;
    assert_eq!(recorded.ok()["depositTxCount"], ALL + 2);
    assert_eq!(recorded.ok()["depositTxs"][0]["txHash"], hash(ALL + 2));
}

#[tokio::test]
async fn deposits_of_senders_with_long_names_stay_below_the_limit_of_a_response() {
    let service = Service::start().await;
    let session = service.session().await;
    let terms = json!({ "srcAmount": SUM.to_string() });
    let created = service.create_order(with(order_for(&session), terms)).await;
    let order = created.ok()["id"].as_str().unwrap();
    // Each character takes six bytes of JSON text.
    let from = json!({ "from": "\u{1}".repeat(255) });
    service.record_event(order, "deposit.detected", with(dust(1), from)).await.ok();
    write_as_recorded(&service, order, 2..=ALL - 1).await;
    let read = service.get_order(order).await;
    assert_eq!(read.ok()["depositTxCount"], ALL - 1);
    let listed = read.ok()["depositTxs"].as_array().unwrap().len();
    assert!(listed > 1_000 && read.text.len() < 6_000_000, "{listed}, {}", read.text.len());
}

fn assert_all_are_kept(record: &Value) {
    assert_eq!(record["order"]["status"], "executing");
    let deposits = record["depositTxs"].as_array().unwrap();
    assert_eq!(deposits.len(), ALL as usize);
    let hashes: HashSet<_> = deposits.iter().map(|deposit| &deposit["txHash"]).collect();
    assert_eq!(hashes.len(), ALL as usize);
    let amount = |deposit: &Value| deposit["amount"].as_str().unwrap().parse::<u32>().unwrap();
    assert_eq!(deposits.iter().map(amount).sum::<u32>(), SUM);
}

/// Writes the deposits of `numbers` as they would be stored had they been reported: like the
/// deposit of 1 unit that was, and counted in the order's payment state.
async fn write_as_recorded(service: &Service, order: &str, numbers: std::ops::RangeInclusive<u32>) {
    let partition = string(format!("checkout#{order}"));
    let sort_key = |number| string(format!("transaction#deposit#{BASE}#{}", hash(number)));
    let table = &service.table;
    let reported = service
        .database
        .get_item()
        .table_name(table)
        .key("pk", partition.clone())
        .key("sk", sort_key(1))
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    let stored = |number: u32| {
        let mut item = reported.clone();
        // Each must replace what is there, or the format is no longer the one copied here.
        for (name, value) in
            [("sk", sort_key(number)), ("hash", string(hash(number))), ("amount", string(number.to_string()))]
        {
            assert!(item.insert(name.to_owned(), value).is_some(), "{name}");
        }
        let put = PutRequest::builder().set_item(Some(item)).build().unwrap();
        WriteRequest::builder().put_request(put).build()
    };
    let received = 1 + numbers.clone().sum::<u32>();
    let writes: Vec<_> = numbers.map(stored).collect();
    for batch in writes.chunks(25) {
        let mut left = batch.to_vec();
        while !left.is_empty() {
            let written =
                service.database.batch_write_item().request_items(table, left).send().await.unwrap();
            left = written.unprocessed_items.and_then(|mut tables| tables.remove(table)).unwrap_or_default();
        }
    }
    service
        .database
        .update_item()
        .table_name(table)
        .key("pk", partition)
        .key("sk", string("checkout"))
        .update_expression("SET ledger.received = :received")
        .condition_expression("ledger.received = :one")
        .expression_attribute_values(":received", string(received.to_string()))
        .expression_attribute_values(":one", string("1"))
        .send()
        .await
        .unwrap();
}
