//! Several reports of one fact: which of them counts, in whatever order they arrive.

use harness::{DEFAULT_LIFETIME, Service, deposit, execution, redact, refund, relay, with};
use serde_json::json;

use super::{
    Fact, executed, failed, paid, partly_paid, refund_failed, refunded, relayed, report, session_with_order,
    the_rest,
};

#[tokio::test]
async fn a_fact_that_is_known_changes_nothing() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let facts = [paid(), relayed(), refund_failed(), failed(), refunded(), executed()];
    for fact in facts.clone() {
        report(&service, &order, fact).await;
    }
    let record = service.get_order(&order).await;
    let status = service.session_status(&session).await;
    for _ in 0..2 {
        for fact in facts.clone() {
            service.calls.take();
            let answer = report(&service, &order, fact.clone()).await;
            assert_eq!(answer.ok(), record.ok(), "{fact:?}");
            let calls = service.calls.take();
            assert!(calls.iter().all(|call| call.operation == "Query"), "{calls:?}");
        }
        service.clock.advance(DEFAULT_LIFETIME);
    }
    assert_eq!(service.session_status(&session).await, status);
}

#[tokio::test]
async fn the_larger_amount_of_a_deposit_counts_whenever_it_is_reported() {
    let service = Service::start().await;
    for amounts in [["400000", "1000000"], ["1000000", "400000"]] {
        let (session, order) = session_with_order(&service).await;
        for amount in amounts {
            report(&service, &order, ("deposit.detected", deposit("0x01", amount))).await;
        }
        let record = service.get_order(&order).await;
        let deposits = record.ok()["depositTxs"].as_array().unwrap();
        assert_eq!(deposits.len(), 1);
        assert_eq!(deposits[0]["amount"], "1000000");
        assert_eq!(service.session_status(&session).await, "processing");
    }
}

#[tokio::test]
async fn a_relays_later_stage_counts_whenever_it_is_reported() {
    let service = Service::start().await;
    for (stages, shown) in [
        (vec!["pending", "success"], "success"),
        (vec!["success", "pending"], "success"),
        (vec!["waiting", "pending", "delayed", "failure"], "failure"),
        (vec!["delayed", "refund"], "refund"),
        (vec!["waiting"], "waiting"),
        (vec!["delayed"], "delayed"),
    ] {
        let (_, order) = session_with_order(&service).await;
        for stage in &stages {
            report(&service, &order, ("relay.updated", relay("0x01", stage))).await;
        }
        let record = service.get_order(&order).await;
        let relays = record.ok()["relayTxs"].as_array().unwrap();
        assert_eq!(relays.len(), 1);
        assert_eq!(relays[0]["status"], shown, "{stages:?}");
    }
}

#[tokio::test]
async fn a_refund_that_arrived_stays_so() {
    let service = Service::start().await;
    for stages in [["failure", "success"], ["success", "failure"]] {
        let (_, order) = session_with_order(&service).await;
        for stage in stages {
            report(&service, &order, ("refund.updated", refund("0x01", "1", stage))).await;
        }
        let record = service.get_order(&order).await;
        let refunds = record.ok()["refundTxs"].as_array().unwrap();
        assert_eq!(refunds.len(), 1);
        assert_eq!(refunds[0]["status"], "success");
        assert_eq!(record.ok()["order"]["status"], "refunded");
    }
}

#[tokio::test]
async fn the_details_of_an_execution_add_up() {
    let service = Service::start().await;
    let (_, order) = session_with_order(&service).await;
    for details in [
        json!({}),
        json!({ "actualDstAmount": "999999" }),
        json!({ "points": 5 }),
        json!({ "relay": { "requestId": "r-1" } }),
    ] {
        report(&service, &order, ("order.executed", with(execution("0x01"), details))).await;
    }
    let record = service.get_order(&order).await;
    assert_eq!(
        record.ok()["order"]["settlement"],
        json!({ "actualDstAmount": "999999", "relay": { "requestId": "r-1" } })
    );
    assert_eq!(record.ok()["points"], 5);
}

#[tokio::test]
async fn the_order_in_which_facts_arrive_makes_no_difference() {
    fn permutations(facts: &[Fact]) -> Vec<Vec<Fact>> {
        if facts.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for at in 0..facts.len() {
            let mut others = facts.to_vec();
            let first = others.remove(at);
            for mut rest in permutations(&others) {
                rest.insert(0, first.clone());
                all.push(rest);
            }
        }
        all
    }

    let service = Service::start().await;
    for facts in [
        vec![partly_paid(), the_rest(), relayed(), executed()],
        vec![paid(), failed(), refund_failed(), refunded()],
        vec![
            ("deposit.detected", deposit("0x01", "1")),
            ("deposit.detected", with(paid().1, json!({ "from": null }))),
            ("order.failed", json!({ "errorDetails": "a" })),
            ("order.failed", json!({ "errorDetails": "b" })),
        ],
    ] {
        let mut outcome = None;
        for permutation in permutations(&facts) {
            let (_, order) = session_with_order(&service).await;
            for fact in &permutation {
                report(&service, &order, fact.clone()).await;
            }
            report(&service, &order, permutation[0].clone()).await;
            let record = service.get_order(&order).await;
            let address = redact::expected_deposit_address(&order, harness::RECIPIENT);
            let record = record.text.replace(&order, "").replace(&address, "");
            assert_eq!(*outcome.get_or_insert(record.clone()), record, "{permutation:?}");
        }
    }
}
