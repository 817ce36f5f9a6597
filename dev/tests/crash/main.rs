//! The local run, killed again and again under load: nothing that it acknowledged is ever lost,
//! and what it did not answer happened wholly or not at all.
//!
//! One database file lives through all of it. `CRASH_KILLS` says how often the process is
//! killed. `CRASH_SEED` repeats the choices of an earlier run, though not its races: how far a
//! call has come when the kill arrives is the machine's affair.

#![expect(clippy::indexing_slicing, reason = "a JSON value is `null` where it has no such member")]

mod audit;
mod book;
mod call;
mod case;
mod check;
mod process;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use book::{Book, Figures};
use fastrand::Rng;
use process::{Life, Place, Process};
use runtime::config::optional;
use tokio::time::sleep;

/// How many sessions that the last life did not touch are looked at after each kill. At the end
/// it is all of them.
const SAMPLE: usize = 10;
/// How long the first start takes, roughly: within this time it is killed once. The next ones are
/// as long as the last one was.
const FIRST_START: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_outlives_every_kill() -> Result<()> {
    let kills = optional("CRASH_KILLS").map_or(Ok(50), |kills| kills.parse()).context("CRASH_KILLS")?;
    let seed =
        optional("CRASH_SEED").map_or(Ok(fastrand::u64(..)), |seed| seed.parse()).context("CRASH_SEED")?;
    let place = Place::new()?;
    let figures = kill_again_and_again(&place, kills, seed)
        .await
        .with_context(|| format!("CRASH_SEED={seed}; the database is kept in {}", place.folder.display()))?;
    place.remove()?;
    // Not by `println!`, which a passing test keeps to itself: the figures say what was shown.
    writeln!(std::io::stdout(), "{figures} (CRASH_SEED={seed})")?;
    Ok(())
}

/// Lets one database outlive many processes. Returns what that showed.
async fn kill_again_and_again(place: &Place, kills: usize, seed: u64) -> Result<Figures> {
    let mut rng = Rng::with_seed(seed);
    let mut book = Book::default();
    let mut start = FIRST_START;
    for _ in 0..kills {
        // A start writes too, and must survive being cut short.
        while rng.u8(..4) == 0 || book.figures.kills_while_starting == 0 {
            let mut process = Process::spawn(place)?;
            sleep(start.mul_f64(rng.f64())).await;
            process.kill()?;
            book.figures.kills_while_starting += 1;
        }
        let starting = Instant::now();
        let life = Life::start(place).await?;
        start = starting.elapsed();
        book.check(&life, Some(SAMPLE), &mut rng).await?;
        book.trade_until_killed(life, &mut rng).await?;
    }
    let life = Life::start(place).await?;
    book.check(&life, None, &mut rng).await?;
    book.audit(&life).await?;
    ensure!(book.figures.unanswered > 0, "no call was in flight at any kill, so nothing was shown");
    Ok(book.figures)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_lost_its_last_writes_is_found_out() -> Result<()> {
    let mut rng = Rng::new();
    let place = Place::new()?;
    let mut book = Book::default();
    book.trade_until_killed(Life::start(&place).await?, &mut rng).await?;
    place.copy_database("data", "before")?;
    let life = Life::start(&place).await?;
    book.check(&life, None, &mut rng).await?;
    book.trade_until_killed(life, &mut rng).await?;
    place.copy_database("data", "after")?;

    place.copy_database("before", "data")?;
    let life = Life::start(&place).await?;
    let found = book.clone().check(&life, None, &mut rng).await;
    ensure!(found.is_err(), "nobody noticed that acknowledged calls are lost");
    drop(life);

    // It was the file, and not the check: the true one passes.
    place.copy_database("after", "data")?;
    let life = Life::start(&place).await?;
    book.check(&life, None, &mut rng).await?;
    book.audit(&life).await?;
    drop(life);
    place.remove()
}
