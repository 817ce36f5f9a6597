//! What was written down of all lives.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::call::{Call, Caller, Sent, name};
use crate::case::Case;
use crate::process::{Life, PATIENCE};

/// How many call at once.
const CLIENTS: usize = 8;
/// How many unfinished sessions of earlier lives a client goes on with.
const CARRIED_ON: usize = 2;
/// The longest time under load, from the first acknowledged call to the kill.
const LONGEST_LOAD: Duration = Duration::from_millis(400);

/// What was written down of all lives.
#[derive(Clone, Default)]
pub(crate) struct Book {
    /// The sessions whose opening was answered.
    pub(crate) cases: Vec<Case>,
    /// Calls to open a session that were not answered.
    pub(crate) unheard: Vec<Sent>,
    /// The counts for the report.
    pub(crate) figures: Figures,
}

/// What the test has shown.
#[derive(Clone, Default)]
pub(crate) struct Figures {
    /// Kills under load.
    pub(crate) kills: usize,
    /// Kills of a process that did not serve yet.
    pub(crate) kills_while_starting: usize,
    /// Writes that were answered with 200.
    pub(crate) acknowledged: usize,
    /// Writes that were not answered.
    pub(crate) unanswered: usize,
    /// Those of them that turned out to be carried out.
    pub(crate) happened: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, kills_while_starting, acknowledged, unanswered, happened } = self;
        write!(f, "killed {kills} times under load and {kills_while_starting} times while starting: ")?;
        write!(f, "{acknowledged} acknowledged calls are all there; of {unanswered} in flight at a kill ")?;
        write!(f, "{happened} had happened")
    }
}

impl Book {
    /// Lets clients call until the process is killed, and writes down what they learn.
    pub(crate) async fn trade_until_killed(&mut self, mut life: Life, rng: &mut Rng) -> Result<()> {
        let caller = Caller::new(&life)?;
        rng.shuffle(&mut self.cases);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let mut own = Vec::new();
            while let Some(at) = self.cases.iter().position(|case| !case.is_over())
                && own.len() < CARRIED_ON
            {
                own.push(self.cases.swap_remove(at));
            }
            clients.spawn(trade(caller.clone(), rng.fork(), own));
        }
        let start = Instant::now();
        while caller.acknowledged.load(Ordering::SeqCst) == 0 && start.elapsed() < PATIENCE {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(LONGEST_LOAD.mul_f64(rng.f64())).await;
        caller.is_killed.store(true, Ordering::SeqCst);
        life.process.kill()?;

        while let Some(client) = clients.join_next().await {
            let (cases, unheard) = client??;
            let unanswered: usize = cases.iter().map(|case| case.unanswered.len()).sum();
            self.figures.unanswered += unanswered + unheard.len();
            self.cases.extend(cases);
            self.unheard.extend(unheard);
        }
        self.figures.kills += 1;
        self.figures.acknowledged += caller.acknowledged.load(Ordering::SeqCst);
        Ok(())
    }

    /// Checks every session that the last life had to do with, and as many others as `sample`
    /// says or all.
    pub(crate) async fn check(&mut self, life: &Life, sample: Option<usize>, rng: &mut Rng) -> Result<()> {
        let caller = Caller::new(life)?;
        for sent in std::mem::take(&mut self.unheard) {
            if sent.key.is_none() {
                // Nobody knows the id that it may have been given; the audit will find it.
                self.unheard.push(sent);
                continue;
            }
            let (first, second) = (caller.ask(&sent).await?, caller.ask(&sent).await?);
            ensure!(second.is_replay && second.text == first.text, "{sent:?}: {}", second.text);
            self.figures.happened += usize::from(first.is_replay);
            self.cases.push(Case::new(&sent, &first)?);
        }
        // The touched ones to the front; the others stay in random order behind them.
        rng.shuffle(&mut self.cases);
        self.cases.sort_by_key(|case| !case.is_touched);
        let touched = self.cases.iter().filter(|case| case.is_touched).count();
        let due = sample.map_or(self.cases.len(), |sample| self.cases.len().min(touched + sample));

        let mut shares: Vec<Vec<Case>> = vec![Vec::new(); CLIENTS];
        for (share, case) in (0..CLIENTS).cycle().zip(self.cases.drain(..due)) {
            shares[share].push(case);
        }
        let mut clients = JoinSet::new();
        for mut share in shares {
            let (caller, mut rng) = (caller.clone(), rng.fork());
            clients.spawn(async move {
                let mut happened = 0;
                for case in &mut share {
                    let checked = case.check(&caller, sample.is_none(), &mut rng).await;
                    happened += checked.with_context(|| format!("session {}", case.id))?;
                }
                anyhow::Ok((share, happened))
            });
        }
        while let Some(client) = clients.join_next().await {
            let (cases, happened) = client??;
            self.cases.extend(cases);
            self.figures.happened += happened;
        }
        Ok(())
    }
}

/// A client: opens sessions and brings them on, until the process is killed. Returns its cases
/// and the calls to open one that were not answered.
async fn trade(caller: Caller, mut rng: Rng, mut cases: Vec<Case>) -> Result<(Vec<Case>, Vec<Sent>)> {
    let mut unheard = Vec::new();
    while !caller.is_killed.load(Ordering::SeqCst) {
        // What is not answered rests until it is known what came of it.
        let ready: Vec<_> =
            cases.iter_mut().filter(|case| !case.is_over() && case.unanswered.is_empty()).collect();
        let chosen = if rng.u8(..4) == 0 { None } else { rng.choice(ready) };
        if let Some(case) = chosen {
            for (sent, answer) in caller.send_together(case.next_calls(&mut rng)).await? {
                case.hear(sent, answer)?;
            }
        } else {
            let sent = Sent::new(Call::Open { reference: name(&mut rng) }, &mut rng);
            match caller.send(&sent).await? {
                Some(answer) => cases.push(Case::new(&sent, &answer)?),
                None => unheard.push(sent),
            }
        }
    }
    Ok((cases, unheard))
}
