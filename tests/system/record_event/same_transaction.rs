//! Which reports are about one transaction: those of one order, kind, chain and hash.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use harness::{BASE, Service, deposit, execution, refund, relay, with};
use serde_json::json;

use super::{Fact, paid, report, session_with_order};

#[tokio::test]
async fn sixty_four_hex_digits_are_one_hash_in_every_spelling() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let lower = format!("0x{}", "ab".repeat(32));
    let upper = format!("0x{}", "AB".repeat(32));
    let mixed = format!("0x{}", "aB".repeat(32));
    let bare = [lower[2..].to_owned(), upper[2..].to_owned(), mixed[2..].to_owned()];
    let [bare_lower, bare_upper, bare_mixed] = &bare;
    for hash in [bare_mixed, &lower, &upper, &mixed, &lower.to_uppercase(), bare_lower, bare_upper] {
        report(&service, &order, ("deposit.detected", deposit(hash, "500000"))).await;
        report(&service, &order, ("relay.updated", relay(hash, "pending"))).await;
        report(&service, &order, ("refund.updated", refund(hash, "1", "failure"))).await;
    }
    let record = service.get_order(&order).await;
    for kind in ["depositTxs", "relayTxs", "refundTxs"] {
        assert_eq!(record.ok()[kind].as_array().unwrap().len(), 1, "{kind}");
    }
    // Counted twice, the deposit would have paid the order.
    assert_eq!(service.session_status(&session).await, "open");
}

#[tokio::test]
async fn a_deposit_that_was_stored_under_a_hash_without_0x_is_updated_in_its_place() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let bare = "ab".repeat(32);
    report(&service, &order, ("deposit.detected", deposit(&bare, "400000"))).await;
    // As the service stored it before both spellings were one identity.
    let key = |sort_key: &str| {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(format!("checkout#{order}"))),
            ("sk".to_owned(), AttributeValue::S(sort_key.to_owned())),
        ])
    };
    let (now, before) =
        (format!("transaction#deposit#{BASE}#0x{bare}"), format!("transaction#deposit#{BASE}#{bare}"));
    let (database, table) = (&service.database, &service.table);
    let stored = database.delete_item().table_name(table).set_key(Some(key(&now)));
    let stored = stored.return_values(ReturnValue::AllOld).send().await.unwrap().attributes.unwrap();
    let mut item = stored;
    item.extend(key(&before));
    database.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();

    for spelled in [&format!("0x{bare}"), &bare] {
        report(&service, &order, ("deposit.detected", deposit(spelled, "500000"))).await;
        let record = service.get_order(&order).await;
        assert_eq!(record.ok()["depositTxs"].as_array().unwrap().len(), 1);
        assert_eq!(record.ok()["depositTxs"][0]["amount"], "500000");
    }
    assert_eq!(service.session_status(&session).await, "open");
}

/// The data of a `deposit.detected` of one transfer.
fn transfer(hash: &str, log_index: u64, amount: &str) -> Fact {
    ("deposit.detected", with(deposit(hash, amount), json!({ "logIndex": log_index })))
}

#[tokio::test]
async fn transfers_of_one_transaction_are_one_deposit_of_their_sum() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let hash = format!("0x{}", "ab".repeat(32));
    for (fact, amount) in [
        (transfer(&hash, 4, "400000"), "400000"),
        (transfer(&hash, 4, "400000"), "400000"),
        (transfer(&hash[2..], 7, "300000"), "700000"),
        // The larger of the total and the sum counts.
        (("deposit.detected", deposit(&hash, "600000")), "700000"),
        (("deposit.detected", deposit(&hash.to_uppercase(), "800000")), "800000"),
        (transfer(&hash, 0, "50000"), "800000"),
        (transfer(&hash, 9, "249999"), "999999"),
    ] {
        let answer = report(&service, &order, fact.clone()).await;
        let deposits = answer.ok()["depositTxs"].as_array().unwrap();
        assert_eq!(deposits.len(), 1, "{fact:?}");
        assert_eq!(deposits[0]["amount"], amount, "{fact:?}");
        assert_eq!(service.get_order(&order).await.ok(), answer.ok());
    }
    assert_eq!(service.session_status(&session).await, "open");
    let answer = report(&service, &order, transfer(&hash, 10, "1")).await;
    assert_eq!(answer.ok()["order"]["status"], "executing");
    assert_eq!(service.session_status(&session).await, "processing");
    // The same log of another transaction or another chain is another transfer.
    report(&service, &order, transfer("0x02", 4, "1")).await;
    let (kind, data) = transfer(&hash, 4, "1");
    let answer = report(&service, &order, (kind, with(data, json!({ "chain": BASE + 1 })))).await;
    assert_eq!(answer.ok()["depositTxs"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn any_other_hash_is_told_apart_by_case() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    for hash in
        ["5VERv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb", "5verv8NMvzbJMEkV8xnrLkEaWRtSz9CosKDYjCJjBRnb"]
    {
        report(&service, &order, ("deposit.detected", deposit(hash, "500000"))).await;
    }
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn one_hash_of_another_kind_or_chain_is_another_transaction() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let elsewhere = with(deposit("0x01", "1"), json!({ "chain": BASE + 1 }));
    for fact in [
        ("deposit.detected", deposit("0x01", "1")),
        ("deposit.detected", elsewhere),
        ("relay.updated", relay("0x01", "pending")),
        ("refund.updated", refund("0x01", "1", "failure")),
        ("order.executed", execution("0x01")),
    ] {
        report(&service, &order, fact).await;
    }
    let record = service.get_order(&order).await;
    assert_eq!(record.ok()["depositTxs"].as_array().unwrap().len(), 2);
    assert_eq!(record.ok()["relayTxs"].as_array().unwrap().len(), 1);
    assert_eq!(record.ok()["refundTxs"].as_array().unwrap().len(), 1);
    assert_eq!(record.ok()["executeTx"]["txHash"], "0x01");
}

#[tokio::test]
async fn a_transaction_belongs_to_the_order_it_was_reported_of() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    let (other_session, other) = session_with_order(&service).await;
    report(&service, &order, paid()).await;
    assert_eq!(service.get_order(&other).await.ok()["depositTxs"], json!([]));
    assert_eq!(service.session_status(&other_session).await, "open");
    report(&service, &other, paid()).await;
    assert_eq!(service.session_status(&other_session).await, "processing");
}
