//! A request that arrives after its caller gave up, tried again and went on: what came in
//! between must not be undone.

use std::time::Duration;

use futures::future::join_all;
use harness::fault::Fault;
use harness::proxy::{Arrival, Fate, Plan, Proxied, Wiring};
use harness::{Service, deposit, execution, refund, relay};
use serde_json::{Value, json};

/// The first write arrives late: long after its caller, who waits a second and a half, has
/// tried again, and the next caller has been served.
struct FirstWriteIsLate;

impl Plan for FirstWriteIsLate {
    fn fate(&self, call: &Arrival) -> Fate {
        if call.operation == "TransactWriteItems" && call.of_its_kind == 0 {
            Fate::Meet(Fault::LateRequest(Duration::from_secs(6)))
        } else {
            Fate::Forward
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_arrives_late_undoes_nothing_that_was_reported_since() {
    let healthy = &Service::start().await;
    let wiring = &Wiring::of(healthy).await;
    let reports: [(&str, Value); 6] = [
        ("deposit.detected", deposit("0x01", "400001")),
        ("deposit.detected", deposit("0x02", "1")),
        ("relay.updated", relay("0x03", "success")),
        ("order.executed", execution("0x04")),
        ("order.failed", json!({ "errorDetails": "out of gas" })),
        ("refund.updated", refund("0x05", "1", "success")),
    ];
    join_all(reports.map(|(kind, data)| async move {
        let order = healthy.linked_order(&healthy.session().await).await;
        healthy.record_event(&order, "deposit.detected", deposit("0x01", "400000")).await.ok();
        let behind = Proxied::beside(healthy, wiring, FirstWriteIsLate).await;

        behind.service.record_event(&order, kind, data).await.ok();
        healthy.record_event(&order, "deposit.detected", deposit("0x09", "500000")).await.ok();
        let seen = healthy.get_order(&order).await;
        behind.proxy.settled().await;

        assert_eq!(behind.proxy.hits(), 1, "{kind}");
        assert_eq!(healthy.get_order(&order).await.ok(), seen.ok(), "{kind}");
    }))
    .await;
}
