//! A long random run, drawn from a seed: everything at once. A failure names the seed; with `CHAIN_SEED` set to it the
//! same run is made again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use checkout::config::optional;
use fastrand::Rng;
use futures::FutureExt as _;
use watch_chain::ChainWatcher;

use crate::node_double::NodeFault;
use crate::world::{ASKED, Deal, World};

const STEPS: usize = 300;
/// How often every session is looked at.
const LOOK: usize = 6;
/// How many orders a step looks at: a few of some thirty, or all.
const AT_MOST: [usize; 3] = [3, 10, 2_000];
/// The most blocks that are taken back at once. The watcher's overlap is as much.
const DEEPEST: u64 = 64;

struct Run {
    world: World,
    watcher: ChainWatcher,
    at_most: usize,
    deals: Vec<Deal>,
    rng: Rng,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let world = World::new().await;
        // Enough to take back without the token.
        world.mine(DEEPEST).await;
        let mut rng = Rng::with_seed(seed);
        let at_most = AT_MOST[rng.usize(..AT_MOST.len())];
        let watcher = world.watch().await.at_most(at_most);
        Self { world, watcher, at_most, deals: Vec::new(), rng }
    }

    fn deal(&mut self) -> Option<Deal> {
        (!self.deals.is_empty()).then(|| self.deals[self.rng.usize(..self.deals.len())].clone())
    }

    async fn act(&mut self) {
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
            72..78 => {
                let lags = std::array::from_fn::<u64, 5, _>(|_| self.rng.u64(..9));
                self.world.double.lag(&lags);
            }
            78..84 => {
                let (mut rng, rate) = (self.rng.fork(), self.rng.f64() / 2.0);
                self.world.double.fail(move |_| {
                    (rng.f64() < rate).then(|| NodeFault::ALL[rng.usize(..NodeFault::ALL.len())])
                });
            }
            84..92 => self.world.double.heal(),
            92..97 => self.crash().await,
            97.. => self.world.service.clock.advance(Duration::from_mins(self.rng.u64(1..12))),
        }
    }

    async fn pay(&mut self) {
        let amount = [1, ASKED / 2, ASKED, ASKED, ASKED + 9][self.rng.usize(..5)];
        if let Some(deal) = self.deal() {
            self.world.pay(&deal, amount).await;
        }
    }

    /// Takes blocks back; nobody sends again what was in them.
    async fn reorganise(&mut self) {
        let head = self.world.evm.head().await.number;
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
        self.watcher = self.world.watcher(self.world.signer()).at_most(self.at_most);
        // One that cannot even begin is begun anew.
        while self.watcher.begin().await.is_err() {}
    }

    /// All faults end, all deadlines pass, and all is final.
    async fn finish(&mut self) {
        self.world.double.heal();
        self.world.mine(DEEPEST).await;
        self.world.service.clock.advance(Duration::from_mins(31));
        self.world.mine(1).await;
        self.watcher = self.world.watch().await.at_most(self.at_most);
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
        let _as_may_be = run.watcher.step().await;
        if step % LOOK == 0 {
            run.world.observe().await;
        }
    }
    run.finish().await;
    let mut complete = 0;
    for deal in &run.deals {
        let shown = run.world.shown(deal).await;
        let deposited = run.world.deposited(deal).await;
        assert_eq!(shown.pending, 0, "{shown:?}");
        run.world.assert_forwarded(deal, deposited).await;
        assert!(["complete", "expired"].contains(&shown.session.as_str()), "{shown:?}");
        complete += usize::from(shown.session == "complete");
    }
    // Or it proved little.
    assert!(complete > 0 && complete < run.deals.len(), "{complete} of {}", run.deals.len());
}

#[tokio::test]
async fn whatever_happens_money_is_counted_once_and_forwarded_whole() {
    let seed = optional("CHAIN_SEED").map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    let done = AssertUnwindSafe(Box::pin(run(seed))).catch_unwind().await;
    assert!(done.is_ok(), "CHAIN_SEED={seed}");
}
