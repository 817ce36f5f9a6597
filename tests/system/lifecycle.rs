//! A session's way from `open` to each of its ends.

use harness::{Service, deposit, execution};
use serde_json::json;

#[tokio::test]
async fn a_session_goes_from_open_through_processing_to_complete() {
    let service = Service::start().await;
    let session = service.session().await;
    assert_eq!(service.session_status(&session).await, "open");

    let order = service.linked_order(&session).await;
    assert_eq!(service.session_status(&session).await, "open");

    service.record_event(&order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
    assert_eq!(service.session_status(&session).await, "processing");

    service.record_event(&order, "order.executed", execution("0x02")).await.ok();
    let with_order = service.get_session_with_order(&session).await;
    assert_eq!(with_order.ok()["status"], "complete");
    assert_eq!(with_order.ok()["order"]["order"]["status"], "executed");
    assert_eq!(with_order.ok()["order"]["points"], json!(null));
}
