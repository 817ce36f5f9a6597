//! A long random run, drawn from a seed: payers, reorganisations, crashes, two endpoints with their habits and faults, an
//! operator's mistakes, and dust, all at once. A failure names the seed; with `CHAIN_SEED` set to it the same run is made
//! again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use alloy_primitives::{Address, U256};
use domain::deposit_address::ForwarderFactory;
use evm::Signer;
use fastrand::Rng;
use futures::FutureExt as _;
use runtime::config::optional;
use serde_json::json;
use watch_chain::ChainWatcher;

use crate::node_double::{Batches, Habits, LogFault, NodeDouble, NodeFault, RangeRefusal};
use crate::world::{ASKED, Deal, Setup, World};

const STEPS: usize = 200;
/// How often every session is looked at.
const LOOK: usize = 6;
/// How many orders a step looks at: a few of some thirty, or all.
const AT_MOST: [usize; 3] = [3, 10, 2_000];
/// The most blocks that are taken back at once. The watcher's overlap is as much.
const DEEPEST: u64 = 64;
/// How many orders are listed: a few of some thirty, or all.
const LISTED: [usize; 2] = [5, 1_000];

struct Run {
    world: World,
    watcher: ChainWatcher,
    at_most: usize,
    listed: usize,
    deals: Vec<Deal>,
    /// The factories that orders may have, all of them placed.
    factories: [Address; 2],
    /// Whether the watcher has a gas key.
    has_key: bool,
    /// The recipients that the token refuses.
    paused: Vec<Address>,
    rng: Rng,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let range = [10, 2_000][rng.usize(..2)];
        let setup = Setup { has_second: rng.bool(), ..Setup::default() };
        let world = World::set_up(json!({ "blockRange": range }), setup).await;
        let factories = [ForwarderFactory::DEPLOYED, world.evm.place_factory(1).await];
        // Enough to take back without the token.
        world.mine(DEEPEST).await;
        let at_most = AT_MOST[rng.usize(..AT_MOST.len())];
        let listed = LISTED[rng.usize(..LISTED.len())];
        let watcher = world.watch().await.at_most(at_most).listing_at_most(listed);
        let (deals, paused) = (Vec::new(), Vec::new());
        Self { world, watcher, at_most, listed, deals, factories, has_key: true, paused, rng }
    }

    /// Begins a run with another watcher. One that cannot begin is begun again, and after many failures its nodes are
    /// healed.
    async fn restart(&mut self) {
        for attempt in 0.. {
            let signer = if self.has_key { self.world.signer() } else { Signer::None };
            self.watcher = self.world.watcher(signer).at_most(self.at_most).listing_at_most(self.listed);
            if self.watcher.begin().await.is_ok() {
                return;
            }
            if attempt == 20 {
                self.heal();
            }
        }
    }

    fn heal(&self) {
        self.world.double.heal();
        self.world.second.heal();
    }

    /// One of the endpoints.
    fn node(&mut self) -> NodeDouble {
        if self.rng.u8(..3) == 0 { self.world.second.clone() } else { self.world.double.clone() }
    }

    fn deal(&mut self) -> Option<Deal> {
        (!self.deals.is_empty()).then(|| self.deals[self.rng.usize(..self.deals.len())].clone())
    }

    /// Ends what no watcher can notice: logs that a node leaves out of orders of which nothing is known. If that lasts until
    /// the overlap has passed, the payments are lost to any watcher of that node.
    fn end_silent_faults(&self) {
        for node in [&self.world.double, &self.world.second] {
            node.omit_logs(false);
            node.spoil_logs(None);
        }
    }

    async fn act(&mut self) {
        if self.rng.u8(..10) == 0 {
            self.end_silent_faults();
        }
        match self.rng.u8(..100) {
            0..10 => {
                let deal = self.world.deal().await;
                self.world.shown(&deal).await;
                self.deals.push(deal);
            }
            10..30 => self.pay().await,
            30..60 => {
                let blocks = self.rng.u64(1..4);
                self.world.mine(blocks).await;
            }
            60..66 => {
                if let Some(deal) = self.deal() {
                    self.world.sweep(&deal).await;
                }
            }
            66..72 => self.reorganise().await,
            72..82 => self.trouble().await,
            82..88 => self.heal(),
            88..92 => self.crash().await,
            92..95 => self.operate().await,
            95 => self.dust().await,
            96.. => self.world.service.clock.advance(Duration::from_mins(self.rng.u64(1..12))),
        }
    }

    /// A node changes its manners.
    async fn trouble(&mut self) {
        let node = self.node();
        let head = self.world.evm.head().await.number;
        match self.rng.u8(..12) {
            0 | 1 => node.lag(&std::array::from_fn::<u64, 5, _>(|_| self.rng.u64(..9))),
            2 | 3 => {
                let (mut rng, rate) = (self.rng.fork(), self.rng.f64() / 2.0);
                node.fail(move |_| {
                    (rng.f64() < rate).then(|| NodeFault::ALL[rng.usize(..NodeFault::ALL.len())])
                });
            }
            4 => {
                const BATCHES: [Batches; 5] = [
                    Batches::Any,
                    Batches::AtMost(10),
                    Batches::AtMost(3),
                    Batches::AnswersAtMost(4),
                    Batches::Refused,
                ];
                node.limit_batches(BATCHES[self.rng.usize(..BATCHES.len())]);
            }
            5 => {
                let statuses = [413, 500].map(RangeRefusal::Status);
                let refusals: Vec<_> = RangeRefusal::WORDS.into_iter().chain(statuses).collect();
                let blocks = [5, 20, 100_000][self.rng.usize(..3)];
                node.refuse_ranges(blocks, refusals[self.rng.usize(..refusals.len())]);
            }
            6 => node.set_habits(Habits {
                null_logs: self.rng.bool(),
                null_removed: self.rng.bool(),
                shows_removed: self.rng.bool(),
                repeats: self.rng.bool(),
                index_per_transaction: self.rng.bool(),
            }),
            7 => node.stick_at(Some(head)),
            8 => node.break_with(Some((-32_603, "Internal error"))),
            9 => node.claim_chain(Some(1)),
            10 => node.omit_logs(true),
            _ => {
                const FAULTS: [LogFault; 4] = [
                    LogFault::Foreign,
                    LogFault::UnreadableBeside,
                    LogFault::Unreadable,
                    LogFault::WrongBlock,
                ];
                let fault = FAULTS[self.rng.usize(..FAULTS.len())];
                if let Some(deal) = self.deal() {
                    node.spoil_logs(Some((deal.deposit, fault)));
                }
            }
        }
    }

    /// An operator errs, or mends it.
    async fn operate(&mut self) {
        match self.rng.u8(..5) {
            0 => {
                let factory = self.factories[self.rng.usize(..2)];
                self.world.configure_factory(ForwarderFactory::at(factory)).await;
                self.restart().await;
            }
            1 => {
                self.has_key = !self.has_key;
                self.restart().await;
            }
            2 => self.world.evm.endow(self.world.gas_payer(), U256::ZERO).await,
            3 => self.refill().await,
            _ if self.paused.is_empty() => {
                self.paused = self.deals.iter().map(|deal| deal.recipient).collect();
                for recipient in self.paused.clone() {
                    self.world.evm.block(recipient, true).await;
                }
            }
            _ => self.unpause().await,
        }
    }

    async fn refill(&self) {
        self.world.evm.endow(self.world.gas_payer(), U256::from(10_u128.pow(21))).await;
    }

    async fn unpause(&mut self) {
        for recipient in std::mem::take(&mut self.paused) {
            self.world.evm.block(recipient, false).await;
        }
    }

    /// One unit to every order.
    async fn dust(&mut self) {
        for deal in self.deals.clone() {
            self.world.pay(&deal, 1).await;
        }
    }

    async fn pay(&mut self) {
        let amount = [1, ASKED / 2, ASKED, ASKED, ASKED + 9][self.rng.usize(..5)];
        if let Some(deal) = self.deal() {
            self.world.pay(&deal, amount).await;
        }
    }

    /// Takes blocks back; no one sends again what was in them.
    async fn reorganise(&mut self) {
        let head = self.world.evm.head().await.number;
        self.end_silent_faults();
        let depth = self.rng.u64(1..=DEEPEST).min(head - DEEPEST / 2);
        self.world.evm.roll_back(depth).await;
        if self.rng.bool() {
            self.pay().await;
        }
        self.world.mine(depth + self.rng.u64(..2)).await;
    }

    async fn crash(&mut self) {
        self.world.fuse.arm(self.rng.usize(..40));
        let _as_may_be = self.world.fuse.survives(self.watcher.step()).await;
        self.world.fuse.disarm();
        self.restart().await;
    }

    /// Takes a step, and holds what it reports to what it did.
    async fn step(&mut self) {
        let before = self.world.store.cursor(self.world.chain()).await.unwrap();
        let in_trouble = self.watcher.health().orders_in_trouble;
        let outcome = self.watcher.step().await;
        let after = self.world.store.cursor(self.world.chain()).await.unwrap();
        let Ok(step) = outcome else { return };
        // Of the same block it may hold another hash.
        assert_eq!(step.has_moved, after != before, "{before:?} {after:?}");
        // The run's health keeps the worst step.
        assert_eq!(self.watcher.health().orders_in_trouble, in_trouble.max(step.failed.len()));
        assert!(self.watcher.health().head_age.is_some());
    }

    /// All faults end, all deadlines pass, and all is final.
    async fn finish(&mut self) {
        self.heal();
        // A reorganisation may have taken back what ended a pause.
        self.paused = self.deals.iter().map(|deal| deal.recipient).collect();
        self.unpause().await;
        self.refill().await;
        self.has_key = true;
        self.world.mine(DEEPEST).await;
        // The longest pause between two settlements is six hours.
        self.world.service.clock.advance(Duration::from_hours(7));
        self.world.mine(1).await;
        self.restart().await;
        // Each of the orders has its turn some times.
        for _ in 0..40 * self.deals.len().div_ceil(self.at_most) {
            self.watcher.step().await.unwrap();
            self.world.mine(1).await;
        }
    }
}

async fn run(seed: u64) {
    let mut run = Run::start(seed).await;
    for step in 0..STEPS {
        run.act().await;
        // Whether it comes to something is the node's affair.
        run.step().await;
        if step % LOOK == 0 {
            run.world.observe().await;
        }
    }
    run.finish().await;
    let mut forwarded = 0;
    for deal in &run.deals {
        let shown = run.world.shown(deal).await;
        let deposited = run.world.deposited(deal).await;
        assert_eq!(shown.pending, 0, "{shown:?}");
        run.world.assert_forwarded(deal, deposited).await;
        assert!(["complete", "expired"].contains(&shown.session.as_str()), "{shown:?}");
        forwarded += deposited;
    }
    run.watcher.end().await.unwrap();
    assert_eq!(run.watcher.health().oldest_unsettled, Duration::ZERO);
    // Or it proved little.
    assert!(forwarded > 0);
}

#[tokio::test]
async fn whatever_happens_money_is_counted_once_and_forwarded_whole() {
    let seed = optional("CHAIN_SEED").map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    let done = AssertUnwindSafe(Box::pin(run(seed))).catch_unwind().await;
    assert!(done.is_ok(), "CHAIN_SEED={seed}");
}
