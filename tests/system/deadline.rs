//! The deadline, to the millisecond: the clock stands where a test puts it.

use std::time::Duration;

use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use harness::{Answer, DEFAULT_LIFETIME, Service, TestClock, deposit, execution, order, order_for, refund};
use serde_json::json;

/// What is still in time, and what no longer is, for whatever would move a session forward:
/// at the second of the two, a clock that is fast by the bound shows the deadline.
const IN_TIME: i64 = CLOCK_SKEW_BOUND_MS + 1;
const LATE: i64 = CLOCK_SKEW_BOUND_MS;

const NOT_OPEN: &str = "invalid_status_transition";

/// A service with a session, and the instant at which that expires.
struct Deadline {
    service: Service,
    session: String,
    at: Timestamp,
}

impl Deadline {
    async fn new() -> Self {
        let service = Service::start().await;
        let session = service.session().await;
        let at = service.clock.now() + DEFAULT_LIFETIME;
        Self { service, session, at }
    }

    /// Sets the clock to so many milliseconds before the deadline.
    fn before(&self, millis: i64) {
        self.service.clock.set(Timestamp::from_millis(self.at.as_millis() - millis));
    }

    async fn status(&self) -> String {
        self.service.session_status(&self.session).await
    }

    async fn link(&self) -> Answer {
        self.service.create_order(order_for(&self.session)).await
    }

    async fn pay(&self, order: &str) -> Answer {
        let facts = deposit("0x01", "1000000");
        self.service.record_event(order, "deposit.detected", facts).await
    }
}

fn assert_not_open(answer: &Answer, param: &str) {
    assert_eq!(answer.failure(), (400, NOT_OPEN, Some(param)));
}

#[tokio::test]
async fn the_deadline_is_the_creation_and_the_lifetime_by_one_reading_of_the_clock() {
    let service = Service::start().await;
    for seconds in [300, 1800, 86_400] {
        let created = service.create_session(json!({ "expires_in": seconds })).await;
        let now = service.clock.now();
        assert_eq!(created.ok()["created_at"], now.to_string());
        let deadline = now + Duration::from_secs(seconds);
        assert_eq!(created.ok()["expires_at"], deadline.to_string());
        let id = created.ok()["id"].as_str().unwrap();
        assert_eq!(service.get_session(id).await.ok()["expires_at"], deadline.to_string());
        service.clock.advance(Duration::from_millis(7));
    }
}

#[tokio::test]
async fn a_session_reads_as_open_until_its_deadline_and_as_expired_from_it_on() {
    let deadline = Deadline::new().await;
    for (before, status) in
        [(LATE, "open"), (1, "open"), (0, "expired"), (-1, "expired"), (-86_400_000, "expired")]
    {
        deadline.before(before);
        assert_eq!(deadline.status().await, status, "{before} ms before");
        let with_order = deadline.service.get_session_with_order(&deadline.session).await;
        assert_eq!(with_order.ok()["status"], status, "{before} ms before");
    }
}

#[tokio::test]
async fn an_unpaid_order_expires_with_its_session() {
    let deadline = Deadline::new().await;
    let order = deadline.service.linked_order(&deadline.session).await;
    deadline.before(1);
    assert_eq!(deadline.service.order_status(&order).await, "scanning_deposit_transaction");
    deadline.before(0);
    assert_eq!(deadline.service.order_status(&order).await, "expired");
    assert_eq!(deadline.status().await, "expired");
}

#[tokio::test]
async fn a_session_can_be_expired_until_its_deadline_and_not_from_it_on() {
    let deadline = Deadline::new().await;
    deadline.before(1);
    let expired = deadline.service.expire_session(&deadline.session).await;
    assert_eq!(expired.ok()["status"], "expired");

    let deadline = Deadline::new().await;
    for before in [0, -1] {
        deadline.before(before);
        let refused = deadline.service.expire_session(&deadline.session).await;
        assert_not_open(&refused, "sessionId");
    }
}

#[tokio::test]
async fn an_order_can_link_until_no_clock_within_the_bound_has_passed_the_deadline() {
    let deadline = Deadline::new().await;
    deadline.before(IN_TIME);
    let linked = deadline.link().await;
    // It expires with its session, however late it was made.
    assert_eq!(linked.ok()["expiredAt"], deadline.at.as_millis());
    assert_eq!(linked.ok()["status"], "scanning_deposit_transaction");
}

#[tokio::test]
async fn an_order_can_not_link_once_some_clock_within_the_bound_may_have_passed_the_deadline() {
    let deadline = Deadline::new().await;
    for before in [LATE, LATE - 1, 1, 0, -1] {
        deadline.before(before);
        assert_not_open(&deadline.link().await, "checkoutSessionId");
        let request = deadline.service.post("/orders").json(&order_for(&deadline.session));
        let with_key = deadline.service.send(request.header("idempotency-key", "a key"));
        assert_not_open(&with_key.await, "checkoutSessionId");
    }

    // None of them used anything up: the same key and body link while there is time.
    deadline.before(IN_TIME);
    let request = deadline.service.post("/orders").json(&order_for(&deadline.session));
    let linked = deadline.service.send(request.header("idempotency-key", "a key"));
    assert!(!linked.await.is_replay());
}

#[tokio::test]
async fn a_second_order_learns_of_the_first_while_the_session_is_open_and_of_the_deadline_after() {
    let deadline = Deadline::new().await;
    let first = deadline.service.linked_order(&deadline.session).await;
    deadline.before(1);
    let second = deadline.link().await;
    assert_eq!(second.failure().1, "session_already_has_order");
    assert_eq!(second.body["error"]["order_id"], first);
    deadline.before(0);
    assert_not_open(&deadline.link().await, "checkoutSessionId");
}

#[tokio::test]
async fn a_deposit_counts_until_no_clock_within_the_bound_has_passed_the_deadline() {
    let deadline = Deadline::new().await;
    let order = deadline.service.linked_order(&deadline.session).await;
    deadline.before(IN_TIME);
    let paid = deadline.pay(&order).await;
    assert_eq!(paid.ok()["order"]["status"], "executing");
    assert_eq!(deadline.status().await, "processing");

    // Paid in time, it stays so past the deadline, and completes.
    for before in [0, -1, -86_400_000] {
        deadline.before(before);
        assert_eq!(deadline.status().await, "processing");
        assert_eq!(deadline.service.order_status(&order).await, "executing");
        let refused = deadline.service.expire_session(&deadline.session).await;
        assert_not_open(&refused, "sessionId");
    }
    let executed = deadline.service.record_event(&order, "order.executed", execution("0x02")).await;
    assert_eq!(executed.ok()["order"]["status"], "executed");
    assert_eq!(deadline.status().await, "complete");
}

#[tokio::test]
async fn a_deposit_that_comes_later_is_kept_but_opens_nothing() {
    for before in [LATE, LATE - 1, 1, 0, -1, -86_400_000] {
        let deadline = Deadline::new().await;
        let order = deadline.service.linked_order(&deadline.session).await;
        deadline.before(before);
        let kept = deadline.pay(&order).await;
        assert_eq!(kept.ok()["depositTxs"][0]["amount"], "1000000");
        // Until the deadline the session is as open as it was before.
        let expected = if before > 0 { "open" } else { "expired" };
        assert_eq!(deadline.status().await, expected, "{before} ms before");

        deadline.before(before.min(0));
        assert_eq!(deadline.status().await, "expired", "{before} ms before");
        let seen = deadline.service.get_order(&order).await;
        assert_eq!(seen.ok()["order"]["status"], "refunding");
        assert_eq!(seen.ok()["depositTxs"].as_array().unwrap().len(), 1);

        // Nor does anything that is reported after it.
        let service = &deadline.service;
        service.record_event(&order, "order.executed", execution("0x02")).await.ok();
        assert_eq!(deadline.status().await, "expired");
        service.record_event(&order, "refund.updated", refund("0x03", "1000000", "success")).await.ok();
        assert_eq!(deadline.status().await, "expired");
    }
}

#[tokio::test]
async fn an_execution_without_a_deposit_completes_in_time_only() {
    let deadline = Deadline::new().await;
    let order = deadline.service.linked_order(&deadline.session).await;
    deadline.before(IN_TIME);
    let service = &deadline.service;
    service.record_event(&order, "order.executed", execution("0x02")).await.ok();
    assert_eq!(deadline.status().await, "complete");
    deadline.before(0);
    assert_eq!(deadline.status().await, "complete");

    let deadline = Deadline::new().await;
    let order = deadline.service.linked_order(&deadline.session).await;
    deadline.before(LATE);
    let service = &deadline.service;
    let executed = service.record_event(&order, "order.executed", execution("0x02")).await;
    assert_eq!(executed.ok()["order"]["status"], "executed");
    assert_ne!(deadline.status().await, "complete");
    deadline.before(0);
    assert_eq!(deadline.status().await, "expired");
}

#[tokio::test]
async fn an_order_on_its_own_lives_fifteen_minutes() {
    let service = Service::start().await;
    let created = service.create_order(order()).await;
    let id = created.ok()["id"].as_str().unwrap();
    let made_at = service.clock.now();
    let deadline = made_at + Duration::from_mins(15);
    assert_eq!(created.ok()["createdAt"], made_at.as_millis());
    assert_eq!(created.ok()["expiredAt"], deadline.as_millis());

    service.clock.set(Timestamp::from_millis(deadline.as_millis() - 1));
    assert_eq!(service.order_status(id).await, "scanning_deposit_transaction");
    service.clock.set(deadline);
    assert_eq!(service.order_status(id).await, "expired");
}

#[tokio::test]
async fn an_order_on_its_own_is_paid_in_time_by_the_same_bound() {
    for (before, status) in [(IN_TIME, "executing"), (LATE, "refunding"), (0, "refunding")] {
        let service = Service::start().await;
        let created = service.create_order(order()).await;
        let id = created.ok()["id"].as_str().unwrap();
        let deadline = service.clock.now() + Duration::from_mins(15);
        service.clock.set(Timestamp::from_millis(deadline.as_millis() - before));
        service.record_event(id, "deposit.detected", deposit("0x01", "1000000")).await.ok();
        service.clock.set(deadline);
        assert_eq!(service.order_status(id).await, status, "{before} ms before");
    }
}

#[tokio::test]
async fn functions_whose_clocks_differ_by_the_bound_never_contradict_each_other() {
    // The second service reads what the first writes, with a clock that is fast by the bound.
    let slow = Service::start().await;
    let fast_clock = TestClock::at_the_present();
    let fast = slow.beside(&slow.endpoint, &fast_clock).await;
    let began = slow.clock.now();
    let deadline = began + DEFAULT_LIFETIME;
    for before in [IN_TIME, LATE, LATE - 1, 1] {
        slow.clock.set(began);
        let unlinked = slow.session().await;
        let linked = slow.session().await;
        let order = slow.linked_order(&linked).await;

        let now = Timestamp::from_millis(deadline.as_millis() - before);
        slow.clock.set(now);
        fast_clock.set(now.on_the_fastest_clock());
        let read_before = [fast.session_status(&unlinked).await, fast.session_status(&linked).await];
        let link = slow.create_order(order_for(&unlinked)).await;
        slow.record_event(&order, "deposit.detected", deposit("0x01", "1000000")).await.ok();
        let read_after = [fast.session_status(&unlinked).await, fast.session_status(&linked).await];

        if read_before[0] == "expired" {
            assert_not_open(&link, "checkoutSessionId");
            assert_eq!(read_after, ["expired", "expired"], "{before} ms before");
        } else {
            link.ok();
            assert_eq!(read_after, ["open", "processing"], "{before} ms before");
        }
    }
}
