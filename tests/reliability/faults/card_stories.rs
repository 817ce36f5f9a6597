//! Stories of one order that is paid by card: payers click, keep old pages open and pay on them; the database, Stripe and
//! webhooks fail; the merchant expires the session, deposits come, time passes. At the end each charge counts or was given
//! back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use doubles::stripe::{Fault, Outcome};
use fastrand::Rng;
use futures::future::join_all;
use harness::cards::{CardShop, visit};
use harness::deposit;
use harness::fault::Fault as DatabaseFault;
use harness::proxy::{Fate, Proxied, Wiring};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_each_charge_counts_once_or_is_given_back() {
    let first = fastrand::u64(..);
    let mut ends = BTreeSet::new();
    for story in 0..STORIES {
        ends.insert(Box::pin(tell(first.wrapping_add(story))).await);
    }
    // Otherwise the stories say nothing.
    for end in ["complete by card", "refunded", "expired"] {
        assert!(ends.contains(end), "of {STORIES} stories from seed {first} none ends {end}: {ends:?}");
    }
}

const STORIES: u64 = 24;

/// Tells one story, and returns how it ends.
async fn tell(seed: u64) -> &'static str {
    let mut rng = Rng::with_seed(seed);
    let shop = if rng.bool() { CardShop::start().await } else { CardShop::with_webhooks().await };
    let faults = Mutex::new(Rng::with_seed(seed ^ 1));
    let is_faulty = Arc::new(AtomicBool::new(true));
    let may_fail = Arc::clone(&is_faulty);
    let plan = move |_: &str| {
        let mut rng = faults.lock().unwrap();
        if may_fail.load(Ordering::SeqCst) && rng.u8(0..6) == 0 {
            Fate::Meet(*rng.choice(DATABASE_FAULTS.iter()).unwrap())
        } else {
            Fate::Forward
        }
    };
    let wiring = Wiring::of(&shop.service).await;
    let shaky = Proxied::set_up(&shop.service, &wiring, plan, &shop.setup).await;
    let (session, order) = shop.order(*rng.choice([600, 2_400].iter()).unwrap()).await;
    let (mut shown, mut was_expired, mut deposits) = (BTreeSet::new(), false, 0);
    for _ in 0..rng.usize(6..16) {
        match rng.u8(0..12) {
            0..4 => {
                let clicks = (0..rng.usize(1..4)).map(|_| visit(&shaky.service, &order));
                for response in join_all(clicks).await {
                    assert_ne!(response.status(), 500, "seed {seed}");
                    let location = response.headers().get("location").map(|url| url.to_str().unwrap());
                    shown.extend(location.map(|url| url.rsplit('/').next().unwrap().to_owned()));
                }
            }
            4..7 => {
                let pages: Vec<&String> = shown.iter().collect();
                if let Some(page) = rng.choice(pages) {
                    let outcome = [Outcome::Paid, Outcome::Paid, Outcome::Declined, Outcome::Delayed];
                    // An earlier page may have ended.
                    let _ = shop.stripe.pay(page, *rng.choice(outcome.iter()).unwrap()).await;
                    let _ = shop.stripe.settle_delayed(page, rng.bool()).await;
                }
            }
            7 => shop.service.clock.advance(Duration::from_secs(rng.u64(1..400))),
            8 => shop.stripe.fail_next(*rng.choice(STRIPE_FAULTS.iter()).unwrap()),
            9 => {
                deposits += 1;
                let amount = *rng.choice(["1", "40000000", "93354000"].iter()).unwrap();
                let deposit = deposit(&format!("0x{deposits}"), amount);
                shop.service.record_event(&order, "deposit.detected", deposit).await.ok();
            }
            10 if rng.u8(0..3) == 0 => _ = shop.service.expire_session(&session).await,
            _ => _ = watch_card::run(&shop.cards).await.unwrap(),
        }
        let open = shop.open_checkouts(&order).into_iter().filter(|checkout| shown.contains(checkout));
        assert!(open.count() <= 1, "seed {seed}: two pages can be paid");
        let status = shop.service.session_status(&session).await;
        assert!(!(was_expired && status != "expired"), "seed {seed}: expired, and then {status}");
        was_expired |= status == "expired";
    }
    // All heals, and time passes.
    is_faulty.store(false, Ordering::SeqCst);
    shop.stripe.heal();
    for _ in 0..4 {
        shop.service.clock.advance(Duration::from_mins(20));
        let run = watch_card::run(&shop.cards).await.unwrap();
        assert_eq!(run.failed, 0, "seed {seed}");
    }
    let counting = shop.paid_by_card(&order, &format!("seed {seed}")).await;
    let (order_status, session_status) = shop.statuses(&session, &order).await;
    assert_eq!(counting == 1, session_status == "complete", "seed {seed}: {order_status}");
    match (counting, shop.charges(&order).is_empty()) {
        (1, _) => "complete by card",
        (_, false) => "refunded",
        (_, true) => "expired",
    }
}

/// What a careful caller survives, and quickly.
const DATABASE_FAULTS: [DatabaseFault; 5] = [
    DatabaseFault::ResetBefore,
    DatabaseFault::LostReply,
    DatabaseFault::TruncatedReply,
    DatabaseFault::Error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
    DatabaseFault::Error(StatusCode::BAD_REQUEST, "ThrottlingException"),
];
const STRIPE_FAULTS: [Fault; 6] = [
    Fault::Status(500),
    Fault::Status(429),
    Fault::CutResponse,
    Fault::DoneThen500,
    Fault::InvalidBody,
    Fault::Status(409),
];
