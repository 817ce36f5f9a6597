//! The statuses of an order and its session that follow from the reported facts.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use harness::{BASE, DEFAULT_LIFETIME, Service, deposit, id_of, order, order_for, refund, with};
use serde_json::json;

use super::{
    Fact, executed, failed, paid, partly_paid, refund_failed, refunded, relayed, report, session_with_order,
    the_rest,
};

/// What happens to an order.
#[derive(Debug, Clone)]
enum Step {
    /// This is reported.
    Report(Fact),
    /// The merchant expires the session.
    Expire,
    /// The deadline comes.
    Deadline,
}

use Step::{Deadline, Expire, Report};

fn excess() -> Fact {
    ("deposit.detected", deposit("0x07", "250000"))
}

fn excess_returned() -> Fact {
    ("refund.updated", refund("0x08", "250000", "success"))
}

/// Lets this happen to a session and its order.
async fn take(service: &Service, session: &str, order: &str, steps: &[Step]) {
    for step in steps {
        match step {
            Report(fact) => {
                report(service, order, fact.clone()).await;
            }
            Expire => {
                service.expire_session(session).await.ok();
            }
            Deadline => service.clock.advance(DEFAULT_LIFETIME),
        }
    }
}

/// Where a new session and its order end up.
async fn statuses_after(service: &Service, steps: &[Step]) -> (String, String) {
    let (session, order) = session_with_order(service).await;
    take(service, &session, &order, steps).await;
    (service.order_status(&order).await, service.session_status(&session).await)
}

#[tokio::test]
async fn a_deposit_on_another_chain_is_kept_and_pays_nothing() {
    let service = Service::start().await;
    let (session, order) = session_with_order(&service).await;
    let elsewhere = with(deposit("0x01", "9000000"), json!({ "chain": BASE + 1 }));
    let answer = report(&service, &order, ("deposit.detected", elsewhere)).await;
    assert_eq!(answer.ok()["depositTxs"][0]["chain"], BASE + 1);
    assert_eq!(answer.ok()["order"]["status"], "scanning_deposit_transaction");
    assert_eq!(answer.ok()["order"]["receivedDepositAt"], json!(null));
    assert_eq!(service.session_status(&session).await, "open");
    service.clock.advance(DEFAULT_LIFETIME);
    assert_eq!(service.order_status(&order).await, "refunding");
    assert_eq!(service.session_status(&session).await, "expired");
}

#[tokio::test]
async fn the_facts_decide_both_statuses() {
    let service = Service::start().await;
    let elsewhere = || ("deposit.detected", with(paid().1, json!({ "chain": BASE + 1 })));
    let nothing = || ("deposit.detected", deposit("0x01", "0"));
    for (steps, order, session) in [
        // An execute transaction is known.
        (vec![Report(executed())], "executed", "complete"),
        (vec![Report(paid()), Report(executed())], "executed", "complete"),
        (vec![Report(executed()), Report(paid())], "executed", "complete"),
        (vec![Report(paid()), Report(relayed()), Report(executed())], "executed", "complete"),
        (vec![Report(paid()), Deadline, Report(executed())], "executed", "complete"),
        (vec![Report(executed()), Report(refunded())], "executed", "complete"),
        (vec![Report(executed()), Report(failed())], "executed", "complete"),
        (vec![Report(executed()), Deadline], "executed", "complete"),
        // A successful refund is known.
        (vec![Report(refunded())], "refunded", "expired"),
        (vec![Report(paid()), Report(refunded())], "refunded", "expired"),
        (vec![Report(paid()), Report(failed()), Report(refunded())], "refunded", "expired"),
        (vec![Report(partly_paid()), Deadline, Report(refunded())], "refunded", "expired"),
        (vec![Report(partly_paid()), Expire, Report(refunded())], "refunded", "expired"),
        // What was refunded was paid beyond what was asked for.
        (vec![Report(paid()), Report(excess()), Report(excess_returned())], "executing", "processing"),
        (
            vec![Report(excess()), Report(paid()), Report(excess_returned()), Deadline],
            "executing",
            "processing",
        ),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(relayed())],
            "relay",
            "processing",
        ),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(executed())],
            "executed",
            "complete",
        ),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(failed())],
            "failure",
            "expired",
        ),
        (vec![Deadline, Report(paid()), Report(excess()), Report(excess_returned())], "refunding", "expired"),
        // In between the session was seen `expired`.
        (vec![Report(paid()), Report(excess_returned()), Report(excess())], "executing", "expired"),
        (
            vec![Report(paid()), Report(excess()), Report(excess_returned()), Report(refunded())],
            "refunded",
            "expired",
        ),
        // A failure was reported.
        (vec![Report(failed())], "failure", "expired"),
        (vec![Report(paid()), Report(failed())], "failure", "expired"),
        (vec![Report(paid()), Report(relayed()), Report(failed())], "failure", "expired"),
        (vec![Report(failed()), Report(refund_failed())], "failure", "expired"),
        (vec![Deadline, Report(failed())], "failure", "expired"),
        // Deposits reached the amount in time.
        (vec![Report(paid())], "executing", "processing"),
        (vec![Report(partly_paid()), Report(the_rest())], "executing", "processing"),
        (vec![Report(paid()), Report(the_rest())], "executing", "processing"),
        (vec![Report(paid()), Report(refund_failed())], "executing", "processing"),
        (vec![Report(paid()), Deadline], "executing", "processing"),
        (vec![Report(paid()), Report(relayed())], "relay", "processing"),
        (vec![Report(relayed()), Report(paid())], "relay", "processing"),
        (vec![Report(paid()), Report(relayed()), Deadline], "relay", "processing"),
        (vec![Report(paid()), Deadline, Report(relayed())], "relay", "processing"),
        // Too late or called off, and something was deposited.
        (vec![Report(partly_paid()), Deadline], "refunding", "expired"),
        (vec![Report(partly_paid()), Expire], "refunding", "expired"),
        (vec![Report(elsewhere()), Deadline], "refunding", "expired"),
        (vec![Deadline, Report(paid())], "refunding", "expired"),
        (vec![Expire, Report(paid())], "refunding", "expired"),
        (vec![Report(partly_paid()), Deadline, Report(the_rest())], "refunding", "expired"),
        (vec![Report(partly_paid()), Expire, Report(the_rest())], "refunding", "expired"),
        (vec![Report(partly_paid()), Expire, Report(relayed())], "refunding", "expired"),
        (vec![Deadline, Report(paid()), Report(refund_failed())], "refunding", "expired"),
        // Too late or called off, and nothing was deposited.
        (vec![Deadline], "expired", "expired"),
        (vec![Expire], "expired", "expired"),
        (vec![Expire, Deadline], "expired", "expired"),
        (vec![Report(nothing()), Deadline], "expired", "expired"),
        (vec![Report(relayed()), Deadline], "expired", "expired"),
        (vec![Report(refund_failed()), Expire], "expired", "expired"),
        // Not fully paid yet.
        (vec![], "scanning_deposit_transaction", "open"),
        (vec![Report(partly_paid())], "scanning_deposit_transaction", "open"),
        (vec![Report(nothing())], "scanning_deposit_transaction", "open"),
        (vec![Report(elsewhere())], "scanning_deposit_transaction", "open"),
        (vec![Report(relayed())], "scanning_deposit_transaction", "open"),
        (vec![Report(refund_failed())], "scanning_deposit_transaction", "open"),
    ] {
        let expected = (order.to_owned(), session.to_owned());
        assert_eq!(statuses_after(&service, &steps).await, expected, "{steps:?}");
    }
}

#[tokio::test]
async fn an_order_on_its_own_follows_the_same_table() {
    let service = Service::start().await;
    for (facts, before, after) in [
        (vec![], "scanning_deposit_transaction", "expired"),
        (vec![partly_paid()], "scanning_deposit_transaction", "refunding"),
        (vec![paid()], "executing", "executing"),
        (vec![paid(), relayed()], "relay", "relay"),
        (vec![paid(), failed()], "failure", "failure"),
        (vec![paid(), failed(), refunded()], "refunded", "refunded"),
        (vec![paid(), executed()], "executed", "executed"),
    ] {
        let order = id_of(&service.create_order(order()).await);
        for fact in &facts {
            report(&service, &order, fact.clone()).await;
        }
        assert_eq!(service.order_status(&order).await, before, "{facts:?}");
        service.clock.advance(Duration::from_mins(15));
        assert_eq!(service.order_status(&order).await, after, "{facts:?}");
    }
}

#[tokio::test]
async fn a_card_payment_of_stripe_is_waited_for_by_name() {
    let service = Service::start().await;
    let session = service.session().await;
    let onramp = json!({ "onramp": { "vendor": "none" } });
    let order = id_of(&service.create_order(with(order_for(&session), onramp)).await);
    // No provider is configured here, so no call makes such an order.
    let key = |value: &str| AttributeValue::S(value.to_owned());
    service
        .database
        .update_item()
        .table_name(&service.table)
        .key("pk", key(&format!("checkout#{order}")))
        .key("sk", key("checkout"))
        .update_expression("SET #order.onramp.vendor = :vendor")
        .expression_attribute_names("#order", "order")
        .expression_attribute_values(":vendor", key("stripe-web2"))
        .send()
        .await
        .unwrap();
    assert_eq!(service.order_status(&order).await, "waiting_stripe_payment");
    report(&service, &order, partly_paid()).await;
    assert_eq!(service.order_status(&order).await, "waiting_stripe_payment");
    assert_eq!(service.session_status(&session).await, "open");
    report(&service, &order, the_rest()).await;
    assert_eq!(service.order_status(&order).await, "executing");
    assert_eq!(service.session_status(&session).await, "processing");
}

#[tokio::test]
async fn no_later_fact_moves_a_session_out_of_its_end() {
    let service = Service::start().await;
    let every_fact = || [paid(), the_rest(), relayed(), refund_failed(), failed(), refunded(), executed()];
    for (ending, status) in [
        (vec![Deadline], "expired"),
        (vec![Expire], "expired"),
        (vec![Report(partly_paid()), Deadline], "expired"),
        (vec![Report(partly_paid()), Expire], "expired"),
        (vec![Report(failed())], "expired"),
        (vec![Report(refunded())], "expired"),
        (vec![Report(paid()), Report(failed())], "expired"),
        (vec![Report(paid()), Report(refunded())], "expired"),
        (vec![Report(executed())], "complete"),
        (vec![Report(paid()), Report(executed())], "complete"),
    ] {
        let (session, order) = session_with_order(&service).await;
        take(&service, &session, &order, &ending).await;
        assert_eq!(service.session_status(&session).await, status, "{ending:?}");
        for fact in every_fact() {
            report(&service, &order, fact.clone()).await;
            let answer = service.get_session_with_order(&session).await;
            assert_eq!(answer.ok()["status"], status, "{ending:?}, {fact:?}");
        }
        service.clock.advance(DEFAULT_LIFETIME);
        assert_eq!(service.session_status(&session).await, status, "{ending:?}");

        // Everything that was reported is on the order all the same.
        let record = service.get_order(&order).await;
        let record = record.ok();
        assert_eq!(record["depositTxs"].as_array().unwrap().len(), 2);
        assert_eq!(record["relayTxs"].as_array().unwrap().len(), 1);
        assert_eq!(record["refundTxs"].as_array().unwrap().len(), 2);
        assert_eq!(record["executeTx"]["txHash"], "0x04");
        assert_eq!(record["order"]["errorDetails"], "no gas");
        assert_eq!(record["order"]["status"], "executed");
    }
}

#[tokio::test]
async fn a_deposit_after_the_end_is_kept() {
    let service = Service::start().await;
    for (ending, order_status) in [
        (Deadline, "refunding"),
        (Expire, "refunding"),
        (Report(failed()), "failure"),
        (Report(refunded()), "refunded"),
        (Report(executed()), "executed"),
    ] {
        let (session, order) = session_with_order(&service).await;
        take(&service, &session, &order, std::slice::from_ref(&ending)).await;
        service.clock.advance(Duration::from_hours(29 * 24));
        let answer = report(&service, &order, paid()).await;
        let expected = with(paid().1, json!({ "orderId": order }));
        assert_eq!(answer.ok()["depositTxs"], json!([expected]), "{ending:?}");
        assert_eq!(answer.ok()["order"]["status"], order_status, "{ending:?}");
        assert_eq!(answer.ok()["order"]["receivedDepositAt"], paid().1["createdAt"], "{ending:?}");
    }
}
