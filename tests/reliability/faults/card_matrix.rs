//! Everything that the service does for a card payment, every call of it to DynamoDB and to Stripe, every fault there. The
//! payer clicks once more, or Stripe sends its webhook once more; then only `watch-card` is left. At the end each charge
//! counts once or was given back, and a payer was never shown two pages that can be paid.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use domain::time::Timestamp;
use doubles::stripe::{Fault, Outcome, sign};
use futures::{StreamExt, stream};
use harness::cards::{CardShop, SECRETS, visit};
use harness::proxy::{Arrival, Fate, Proxied, Wiring};
use harness::{Service, deposit};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::strike::{Strike, strikes};

/// How many cases are under way at once. Most of them only wait.
const AT_ONCE: usize = 128;
/// How many of them work over a healthy database.
const AT_WORK: usize = 8;
/// How often a client asks again that is told to.
const PATIENCE: usize = 12;
/// How long the sessions are open that end before the payment.
const SHORT: u64 = 600;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// A payer opens the link for the first time.
    FirstClick,
    /// Again: the page is there.
    NextClick,
    /// A part was paid on the chain since, so the page is replaced.
    ClickAfterPart,
    /// The page was paid since, and no webhook came.
    ClickAfterPayment,
    /// A webhook says that the page was paid.
    Payment,
    /// It was paid on the chain, too.
    SurplusPayment,
    /// It was paid after the deadline.
    LatePayment,
    /// The session has expired, and the page can still be paid.
    Deadline,
}

const ACTS: [Act; 8] = [
    Act::FirstClick,
    Act::NextClick,
    Act::ClickAfterPart,
    Act::ClickAfterPayment,
    Act::Payment,
    Act::SurplusPayment,
    Act::LatePayment,
    Act::Deadline,
];

/// What goes wrong with one call.
#[derive(Debug, Clone)]
enum Trouble {
    Database(Strike),
    /// The number of the call to Stripe, and what happens to it.
    Stripe(usize, Fault),
}

const STRIPE_FAULTS: [Fault; 9] = [
    Fault::Status(500),
    Fault::Status(503),
    Fault::Status(429),
    Fault::Status(401),
    Fault::Status(409),
    Fault::Hang,
    Fault::CutResponse,
    Fault::DoneThen500,
    Fault::InvalidBody,
];

/// An act at an order of its own.
struct Case {
    act: Act,
    trouble: Option<Trouble>,
    session: String,
    order: String,
    /// The pages that the payer has seen.
    shown: BTreeSet<String>,
}

/// What an act is answered: the status, and the page that it leads to.
type Told = (u16, Option<String>);

impl Case {
    /// What happens before it, as long as every session is open.
    async fn begin(act: Act, trouble: Option<Trouble>, shop: &CardShop) -> Self {
        let seconds = if matches!(act, Act::LatePayment | Act::Deadline) { SHORT } else { 36_000 };
        let (session, order) = shop.order(seconds).await;
        let mut case = Self { act, trouble, session, order, shown: BTreeSet::new() };
        if act != Act::FirstClick {
            let page = shop.checkout(&case.order).await;
            case.shown.insert(page);
        }
        case
    }

    /// What happens before it, after the first sessions have expired.
    async fn go_on(&self, shop: &CardShop) {
        let report = async |amount| {
            shop.service.record_event(&self.order, "deposit.detected", deposit("0x01", amount)).await.ok();
        };
        match self.act {
            Act::FirstClick | Act::NextClick | Act::Deadline => {}
            Act::ClickAfterPart => report("43354000").await,
            Act::ClickAfterPayment => {
                self.pay(shop).await;
                // What is due has changed, so the visit looks at what was paid.
                report("10000").await;
            }
            Act::SurplusPayment => {
                report("93354000").await;
                self.pay(shop).await;
            }
            Act::Payment | Act::LatePayment => self.pay(shop).await,
        }
    }

    async fn pay(&self, shop: &CardShop) {
        let [page] = &self.open_pages(shop)[..] else { panic!("{self}: no page") };
        shop.stripe.pay(page, Outcome::Paid).await.unwrap();
    }

    /// Does it once.
    async fn act(&mut self, service: &Service, now: Timestamp) -> Told {
        let told = match self.act {
            Act::FirstClick | Act::NextClick | Act::ClickAfterPart | Act::ClickAfterPayment => {
                let response = visit(service, &self.order).await;
                let location = response.headers().get("location").map(|url| url.to_str().unwrap());
                let page = location.map(|url| url.rsplit('/').next().unwrap().to_owned());
                (response.status().as_u16(), page)
            }
            Act::Payment | Act::SurplusPayment | Act::LatePayment | Act::Deadline => {
                let event = json!({ "data": { "object": { "client_reference_id": self.order } } });
                let body = event.to_string();
                let signature = sign(&body, &[SECRETS[0].to_owned()], now.as_seconds());
                let request = service.post("/webhooks/stripe").header("stripe-signature", signature);
                (service.send(request.body(body)).await.status, None)
            }
        };
        self.shown.extend(told.1.clone());
        told
    }

    /// Does it under its trouble, and then as often as a client would that is told to try again.
    async fn endure(&mut self, shop: &CardShop, wiring: &Wiring, turns: &Semaphore) {
        let now = shop.service.clock.now();
        let first = match self.trouble.clone() {
            Some(Trouble::Database(strike)) => {
                let turn = turns.acquire().await.unwrap();
                let behind = Proxied::set_up(&shop.service, wiring, strike, &shop.setup).await;
                drop(turn);
                let told = self.act(&behind.service, now).await;
                assert!(behind.proxy.hits() > 0 || told.0 == 503, "{self}: it was never struck");
                behind.proxy.settled().await;
                told
            }
            Some(Trouble::Stripe(number, fault)) => {
                shop.stripe.fail_after(number, fault);
                let told = self.act(&shop.service, now).await;
                shop.stripe.heal();
                told
            }
            None => self.act(&shop.service, now).await,
        };
        self.may_be_told(&first);
        let _turn = turns.acquire().await.unwrap();
        self.has_one_page(shop);
        for _ in 0..PATIENCE {
            let again = self.act(&shop.service, now).await;
            self.has_one_page(shop);
            self.may_be_told(&again);
            if again.0 != 503 {
                assert!(again.0 < 400, "{self}: it stays {again:?}");
                return;
            }
            sleep(Duration::from_millis(300)).await;
        }
        panic!("{self}: it is stuck");
    }

    fn may_be_told(&self, (status, page): &Told) {
        // 400 is for the operator: Stripe's response is none, or the key is refused.
        assert!([200, 303, 400, 503].contains(status), "{self}: {status}");
        assert_eq!(*status == 303, page.is_some(), "{self}");
    }

    /// The pages that the payer has seen and can pay on. Stripe may have made another one and said that it failed.
    fn open_pages(&self, shop: &CardShop) -> Vec<String> {
        shop.open_checkouts(&self.order).into_iter().filter(|page| self.shown.contains(page)).collect()
    }

    fn has_one_page(&self, shop: &CardShop) {
        let open = self.open_pages(shop);
        assert!(open.len() <= 1, "{self}: {open:?}");
    }

    /// The payer pays the page that a click led to.
    async fn pay_at_last(&self, shop: &CardShop) {
        if matches!(self.act, Act::FirstClick | Act::NextClick | Act::ClickAfterPart) {
            self.pay(shop).await;
        }
    }

    /// How it must have ended.
    async fn is_over(&self, shop: &CardShop) {
        let paid = shop.paid_by_card(&self.order, &self.to_string()).await;
        assert_eq!(self.open_pages(shop), [""; 0], "{self}");
        let charges = shop.charges(&self.order).len();
        let statuses = shop.statuses(&self.session, &self.order).await;
        let found = (paid, charges, statuses.0.as_str(), statuses.1.as_str());
        let expected = match self.act {
            Act::FirstClick
            | Act::NextClick
            | Act::ClickAfterPart
            | Act::ClickAfterPayment
            | Act::Payment => (1, 1, "executed", "complete"),
            Act::SurplusPayment => (0, 1, "executing", "processing"),
            Act::LatePayment => (0, 1, "refunded", "expired"),
            Act::Deadline => (0, 0, "expired", "expired"),
        };
        assert_eq!(found, expected, "{self}");
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} under {:?}", self.act, self.trouble)
    }
}

/// The calls of an act without trouble, to the database, and how many to Stripe.
async fn learn(act: Act, wiring: &Wiring) -> (Vec<Arrival>, usize) {
    let shop = CardShop::start().await;
    let mut case = Case::begin(act, None, &shop).await;
    shop.service.clock.advance(Duration::from_secs(SHORT + 60));
    case.go_on(&shop).await;
    let behind = Proxied::set_up(&shop.service, wiring, |_: &str| Fate::Forward, &shop.setup).await;
    let before = shop.stripe.calls().len();
    case.act(&behind.service, shop.service.clock.now()).await;
    (behind.proxy.arrivals(), shop.stripe.calls().len() - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_card_payment_survives_every_fault_at_every_call() {
    let shop = Arc::new(CardShop::start().await);
    let wiring = Arc::new(Wiring::of(&shop.service).await);
    let mut troubles = Vec::new();
    for act in ACTS {
        let (calls, to_stripe) = learn(act, &wiring).await;
        // What strikes for good ends in 503 as everywhere else; the other matrix has it.
        let once = strikes(&calls).into_iter().filter(|strike| !strike.onwards);
        let at_database = once.map(Trouble::Database);
        let at_stripe =
            (0..to_stripe).flat_map(|call| STRIPE_FAULTS.map(|fault| Trouble::Stripe(call, fault)));
        troubles.extend(at_database.chain(at_stripe).map(|trouble| (act, trouble)));
    }
    let begun = troubles.into_iter().map(|(act, trouble)| Case::begin(act, Some(trouble), &shop));
    let cases: Vec<Case> = stream::iter(begun).buffer_unordered(AT_WORK).collect().await;
    shop.service.clock.advance(Duration::from_secs(SHORT + 60));
    stream::iter(&cases).for_each_concurrent(AT_WORK, |case| case.go_on(&shop)).await;

    // Stripe's faults are for its next calls, whosever they are: one after the other.
    let (at_stripe, mut at_database): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| matches!(case.trouble, Some(Trouble::Stripe(..))));
    at_database.sort_by_key(|case| match &case.trouble {
        Some(Trouble::Database(strike)) => std::cmp::Reverse(strike.slowness()),
        Some(Trouble::Stripe(..)) | None => std::cmp::Reverse(0),
    });
    let figures = format!(
        "{} acts of card payments, {} cases of the database, {} of Stripe",
        ACTS.len(),
        at_database.len(),
        at_stripe.len()
    );
    let turns = Arc::new(Semaphore::new(AT_WORK));
    let mut over = Vec::new();
    for mut case in at_stripe {
        case.endure(&shop, &wiring, &turns).await;
        over.push(case);
    }
    let endured = stream::iter(at_database).map(|mut case| {
        let (shop, wiring, turns) = (Arc::clone(&shop), Arc::clone(&wiring), Arc::clone(&turns));
        tokio::spawn(async move {
            case.endure(&shop, &wiring, &turns).await;
            case
        })
    });
    over.extend(endured.buffer_unordered(AT_ONCE).map(Result::unwrap).collect::<Vec<_>>().await);
    stream::iter(&over).for_each_concurrent(AT_WORK, |case| case.pay_at_last(&shop)).await;
    // No webhook comes. What is open is looked at until nothing is.
    let mut looks = 0;
    loop {
        shop.service.clock.advance(Duration::from_mins(5));
        let run = watch_card::run(&shop.cards).await.unwrap();
        assert_eq!(run.failed, 0);
        if run.looked_at == 0 {
            break;
        }
        looks += 1;
        assert!(looks < 200, "some stay open");
    }
    stream::iter(&over).for_each_concurrent(AT_WORK, |case| case.is_over(&shop)).await;
    let mut output = io::stdout();
    writeln!(output, "{figures}").unwrap();
}
