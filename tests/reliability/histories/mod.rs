//! Histories: random clients, faults and clocks that differ, and whether what the clients were
//! told can be true.
//!
//! `HISTORIES` says how many (2,000), `HISTORIES_FROM` with which seed they begin (0).
//! `HISTORY_SEED` replays one, call by call and fault by fault:
//! `HISTORY_SEED=42 cargo test --test reliability histories -- --nocapture`.

mod clients;
mod history;
mod linearize;
mod reference;
mod world;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use dev::template::Template;
use domain::time::{CLOCK_SKEW_BOUND_MS, Timestamp};
use fastrand::Rng;
use futures::future::join_all;
use harness::fault::Fault;
use runtime::config::optional;
use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use self::clients::{Subject, live, send};
use self::history::{Call, Fact, Operation, Outcome};
use self::linearize::linearize;
use self::reference::PRICE;
use self::world::{FARTHEST, Foundation, World};

/// What became of one seed.
struct History {
    subject: Subject,
    calls: Vec<Call>,
    /// The faults that struck, and when.
    weather: Vec<(Timestamp, String)>,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

async fn foundation() -> Foundation {
    let aws = dev::engine::sdk_config("http://in-process").await;
    let foundation = Foundation { aws, template: Template::compiled_in().unwrap() };
    // What the SDK makes once in a process draws at random too: no history shall be the first.
    happen(&foundation, 0).await;
    foundation
}

/// Lets a history happen.
async fn happen(foundation: &Foundation, seed: u64) -> History {
    // What the SDK and the store draw for their pauses.
    fastrand::seed(seed);
    let mut rng = Rng::with_seed(seed);
    let world = World::new(foundation, &mut rng).await;
    let subject = Subject::create(&world).await;
    *world.weather().deadline.lock().unwrap() = Some(subject.deadline);

    let patience = *rng.choice([0, 0, 20, 50].iter()).unwrap();
    let clients =
        (0..rng.usize(2..7)).map(|client| live(world.clone(), subject.clone(), client, patience, rng.fork()));
    let mut calls: Vec<Call> = join_all(clients).await.into_iter().flatten().collect();

    // What is under way arrives, and then everybody looks: now, and when all is over.
    world.weather().clear_up();
    sleep(Duration::from_secs(5)).await;
    calls.extend(look(&world, &subject).await);
    sleep(subject.deadline.since(world.now()) + Duration::from_secs(10)).await;
    calls.extend(look(&world, &subject).await);
    let weather = std::mem::take(&mut *world.weather().log.lock().unwrap());
    History { subject, calls, weather }
}

async fn look(world: &World, subject: &Subject) -> Vec<Call> {
    let mut calls = Vec::new();
    for instance in 0..World::INSTANCES {
        for operation in [Operation::GetSession, Operation::GetSessionWithOrder, Operation::GetOrder] {
            let call = send(world, subject, operation, None, World::OBSERVER, instance).await;
            assert_ne!(call.outcome, Outcome::Unavailable, "nothing is in the way any more");
            calls.push(call);
        }
    }
    calls
}

impl History {
    /// What is wrong with it.
    fn verdict(&self) -> Result<(), String> {
        self.arrows()?;
        linearize(&self.calls, self.subject.deadline).map(|_| ()).map_err(|longest| {
            let mut text = "no order of these calls explains their answers; at most:\n".to_owned();
            for call in longest {
                let _ = writeln!(text, "  {call}");
            }
            text
        })
    }

    /// A reader that reads after another one sees the same status, or one further along the arrows.
    fn arrows(&self) -> Result<(), String> {
        let status = |call: &Call| {
            if let Outcome::Seen(sight) = &call.outcome { sight.session.clone() } else { None }
        };
        let seen: Vec<(&Call, String)> =
            self.calls.iter().filter_map(|call| Some((call, status(call)?))).collect();
        for (earlier, before) in &seen {
            for (later, after) in seen.iter().filter(|(later, _)| later.start > earlier.end) {
                let allowed = match (before.as_str(), after.as_str()) {
                    ("open", _) | ("processing", "processing" | "complete" | "expired") => true,
                    // By clocks that differ, the deadline itself passes twice.
                    ("expired", "open") => self.is_at_the_deadline(earlier) && self.is_at_the_deadline(later),
                    (before, after) => before == after && before != "processing",
                };
                if !allowed {
                    return Err(format!("{before} became {after}:\n  {earlier}\n  {later}"));
                }
            }
        }
        Ok(())
    }

    /// Whether clocks may differ about which side of the deadline a call is on.
    fn is_at_the_deadline(&self, call: &Call) -> bool {
        let deadline = self.subject.deadline.as_millis();
        call.start.as_millis() - FARTHEST < deadline && deadline <= call.end.as_millis() + FARTHEST
    }

    /// The whole of it, in the order in which it happened.
    fn tell(&self) -> String {
        let mut lines: Vec<(i64, String)> =
            self.calls.iter().map(|call| (call.end.as_millis(), call.to_string())).collect();
        lines.extend(self.weather.iter().map(|(at, what)| {
            let millis = at.as_millis();
            (millis, format!("{:>6}          {what}", millis % 1_000_000))
        }));
        lines.push((
            self.subject.deadline.as_millis(),
            format!("{:>6}          the deadline", self.subject.deadline.as_millis() % 1_000_000),
        ));
        lines.sort_by_key(|(at, _)| *at);
        lines.into_iter().map(|(_, line)| line + "\n").collect()
    }
}

/// A client calls at the last moment at which a slow clock allows it, and the call arrives when a fast clock has already
/// passed the deadline.
fn at_the_last_moment(prepare: &[Operation], act: Operation, key: Option<u8>) -> History {
    let runtime = runtime();
    let foundation = runtime.block_on(foundation());
    runtime.block_on(async {
        let world = World::new(&foundation, &mut Rng::with_seed(0)).await;
        world.weather().clear_up();
        let subject = Subject::create(&world).await;
        let mut calls = Vec::new();
        for operation in prepare {
            calls.push(send(&world, &subject, *operation, None, 0, World::SLOW).await);
        }
        let before = |millis: i64| subject.deadline.as_millis() - millis;
        let until = |at: i64| sleep(Timestamp::from_millis(at).since(world.now()));

        until(before(CLOCK_SKEW_BOUND_MS - FARTHEST + 20)).await;
        world.weather().strike_next_write(Fault::LateRequest(Duration::from_millis(300)));
        let late = send(&world, &subject, act, key, 1, World::SLOW);
        let reader = async {
            until(before(FARTHEST) + 5).await;
            send(&world, &subject, Operation::GetSessionWithOrder, None, 2, World::FAST).await
        };
        let (late, seen) = tokio::join!(late, reader);
        assert!(matches!(&seen.outcome, Outcome::Seen(sight) if sight.session.as_deref() == Some("expired")));
        calls.extend([late, seen]);
        calls.extend(look(&world, &subject).await);
        History { subject, calls, weather: Vec::new() }
    })
}

#[test]
fn what_arrives_after_a_reader_saw_the_deadline_pass_moves_nothing_forward() {
    let paid = Operation::Report(Fact::Deposit { hash: 1, amount: PRICE });
    for key in [None, Some(0)] {
        for (prepare, act) in [
            (&[][..], Operation::Link(0)),
            (&[Operation::Link(0)][..], paid),
            (&[Operation::Link(0)], Operation::Report(Fact::Execution)),
            (&[Operation::Link(0)], Operation::Report(Fact::Card { intent: 1, refunded: false })),
        ] {
            let history = at_the_last_moment(prepare, act, key.filter(|_| act.has_route()));
            history.verdict().unwrap_or_else(|wrong| panic!("{wrong}\nwhat happened:\n{}", history.tell()));
        }
    }
}

/// What happened in all of them together.
#[derive(Default)]
struct Figures {
    calls: AtomicU64,
    unavailable: AtomicU64,
    faults: AtomicU64,
    /// How many ended complete.
    complete: AtomicU64,
    /// How many sessions were seen to be paid.
    processing: AtomicU64,
}

impl Figures {
    fn count(&self, history: &History) {
        let add = |figure: &AtomicU64, number: usize| {
            figure.fetch_add(number as u64, Ordering::Relaxed);
        };
        let saw = |status: &str| {
            let is = |call: &Call| matches!(&call.outcome, Outcome::Seen(sight) if sight.session.as_deref() == Some(status));
            usize::from(history.calls.iter().any(is))
        };
        add(&self.calls, history.calls.len());
        add(
            &self.unavailable,
            history.calls.iter().filter(|call| call.outcome == Outcome::Unavailable).count(),
        );
        add(&self.faults, history.weather.len());
        add(&self.complete, saw("complete"));
        add(&self.processing, saw("processing"));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "one history, for whoever asked to see it")]
fn no_history_contradicts_itself() {
    let number = |name| optional(name).map(|text| text.parse::<u64>().unwrap());
    let runtime = runtime();
    let foundation = &runtime.block_on(foundation());
    if let Some(seed) = number("HISTORY_SEED") {
        let history = runtime.block_on(happen(foundation, seed));
        println!("{}", history.tell());
        history.verdict().unwrap();
        return;
    }

    let (first, many) = (number("HISTORIES_FROM").unwrap_or(0), number("HISTORIES").unwrap_or(2_000));
    let next = &AtomicU64::new(first);
    let figures = &Figures::default();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + many {
                        break;
                    }
                    let told = Told(seed);
                    let history = self::runtime().block_on(happen(foundation, seed));
                    if let Err(wrong) = history.verdict() {
                        panic!("{wrong}\nwhat happened:\n{}", history.tell());
                    }
                    figures.count(&history);
                    std::mem::forget(told);
                }
            });
        }
    });
    let Figures { calls, unavailable, faults, complete, processing } = figures;
    // Not by `println!`, which a passing test keeps to itself.
    let mut output = io::stdout();
    writeln!(
        output,
        "histories: seeds {first} to {}, {calls:?} calls, {unavailable:?} of them 503, {faults:?} faults; \
         {processing:?} sessions were seen paid, {complete:?} complete",
        first + many - 1,
    )
    .unwrap();
    for figure in [calls, unavailable, faults, complete, processing] {
        assert!(figure.load(Ordering::Relaxed) > 0, "something never happened");
    }
}

/// Says, where a history fails in whatever way, how to see it again.
struct Told(u64);

impl Drop for Told {
    #[expect(clippy::print_stderr, reason = "how to replay it")]
    fn drop(&mut self) {
        eprintln!("replay: HISTORY_SEED={} cargo test --test reliability histories -- --nocapture", self.0);
    }
}

#[test]
fn a_seed_tells_the_same_history_again() {
    let runtime = runtime();
    let foundation = runtime.block_on(foundation());
    for seed in 0..20 {
        let tell = || self::runtime().block_on(happen(&foundation, seed)).tell();
        let (once, again) = (tell(), tell());
        for (line, same) in once.lines().zip(again.lines()) {
            assert_eq!(line, same, "seed {seed}");
        }
    }
}
