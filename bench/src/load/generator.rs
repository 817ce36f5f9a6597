//! The load generator: `rlt` keeps so many requests under way, times each of them and counts.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use clap::Parser;
use reqwest::Client;
use rlt::cli::BenchCli;
use rlt::{BenchSuite, IterInfo, IterReport, Status};
use serde::Deserialize;

use crate::load::call::Calls;
use crate::load::stock::Stock;
use crate::load::traffic::Traffic;

/// What a worker of `rlt` does, time and again.
#[derive(Clone)]
pub struct Suite {
    traffic: Traffic,
    pattern: Arc<[Traffic]>,
    calls: Arc<Calls>,
    stock: Arc<Stock>,
    /// The first answer that was not the expected one.
    refusal: Arc<OnceLock<String>>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this many requests.
    Requests(usize),
    /// After this time; a little earlier where the stock does not last.
    Time(Duration),
}

/// What `rlt` found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Answered requests.
    pub requests: u32,
    /// Answered requests a second.
    pub rate: f64,
    /// Half of all answers took at most this many seconds.
    pub p50: f64,
    /// 99 of 100 answers took at most this many seconds.
    pub p99: f64,
}

impl Suite {
    /// Sends this traffic, from this stock.
    pub fn new(traffic: Traffic, calls: Arc<Calls>, stock: Arc<Stock>) -> Self {
        Self { traffic, pattern: traffic.pattern().into(), calls, stock, refusal: Arc::default() }
    }

    /// Keeps so many requests under way, each on a connection of its own. Fails where any answer is not the expected.
    pub async fn run(&self, concurrency: NonZeroU32, until: Until, folder: &Path) -> Result<Load> {
        let lasts = self.stock.lasts_for(self.traffic);
        let (requests, time) = match until {
            Until::Requests(requests) => (Some(lasts.map_or(requests, |lasts| lasts.min(requests))), None),
            Until::Time(time) => (lasts, Some(time)),
        };
        ensure!(requests != Some(0), "too little was prepared for a run; give it more --seconds");
        let output = folder.join("load.json");
        let mut options = vec!["rlt".to_owned(), "--quiet".to_owned(), "--output=json".to_owned()];
        options.push(format!("--output-file={}", output.display()));
        options.push(format!("--concurrency={concurrency}"));
        options.extend(requests.map(|requests| format!("--iterations={requests}")));
        options.extend(time.map(|time| format!("--duration={}s", time.as_secs_f64())));
        rlt::cli::run(BenchCli::try_parse_from(options)?, self.clone()).await?;
        self.judged(&fs::read_to_string(output)?)
    }

    fn judged(&self, output: &str) -> Result<Load> {
        let found: Found = serde_json::from_str(output)?;
        let failed = found.failed();
        ensure!(
            failed == 0,
            "{failed} of {} requests were not answered {}, the first of them: {}",
            found.summary.iters.total + found.errors.values().sum::<u32>(),
            self.traffic.expected_status(),
            self.refusal.get().map_or("no answer at all", String::as_str)
        );
        let latency = found.latency.context("no request was answered")?;
        let percentile = |name| latency.percentiles.get(name).copied().context("a percentile is missing");
        Ok(Load {
            requests: found.summary.iters.total,
            rate: found.summary.iters.rate,
            p50: percentile("p50")?,
            p99: percentile("p99")?,
        })
    }
}

#[async_trait]
impl BenchSuite for Suite {
    type WorkerState = Client;

    async fn state(&self, _: u32) -> Result<Client> {
        Ok(Client::new())
    }

    /// Connects: at 64 at once, connecting would be what the slowest hundredth of a short run did.
    async fn setup(&mut self, client: &mut Client, _: u32) -> Result<()> {
        self.calls.unknown_route(client).send().await?.bytes().await?;
        Ok(())
    }

    async fn bench(&mut self, client: &mut Client, info: &IterInfo) -> Result<IterReport> {
        let place = usize::try_from(info.runner_seq)? % self.pattern.len();
        let part = self.pattern.get(place).copied().context("a place without a part")?;
        let request = self.stock.next(part, &self.calls, client)?;
        let start = Instant::now();
        let response = request.send().await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        let duration = start.elapsed();
        let code = i64::from(status);
        let status = if status == self.traffic.expected_status() {
            Status::success(code)
        } else {
            self.refusal.get_or_init(|| format!("{status} {}", String::from_utf8_lossy(&body)));
            Status::error(code)
        };
        Ok(IterReport { duration, status, bytes: body.len().try_into()?, items: 1 })
    }
}

/// The part of `rlt`'s report that is of interest here.
#[derive(Deserialize)]
struct Found {
    summary: Summary,
    latency: Option<Latency>,
    /// How often each status was answered, by kind and code.
    status: BTreeMap<String, u32>,
    /// How often there was no answer, by reason.
    errors: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
struct Summary {
    iters: Iterations,
}

#[derive(Deserialize)]
struct Iterations {
    total: u32,
    rate: f64,
}

#[derive(Deserialize)]
struct Latency {
    percentiles: BTreeMap<String, f64>,
}

impl Found {
    /// How many requests had another answer than the expected, or none.
    fn failed(&self) -> u32 {
        let refused = self.status.iter().filter(|(kind, _)| !kind.starts_with("Success"));
        refused.map(|(_, count)| count).chain(self.errors.values()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::service::SECRET;
    use serde_json::{Value, json};

    fn judged(status: &Value, errors: &Value) -> Result<Load> {
        let calls = Calls::new("http://service", SECRET).unwrap();
        let suite = Suite::new(Traffic::CreateOrder, calls.into(), Arc::default());
        let output = json!({
            "summary": { "iters": { "total": 100, "rate": 50.0 } },
            "latency": { "percentiles": { "p50": 0.001, "p99": 0.002 } },
            "status": status,
            "errors": errors,
        });
        suite.judged(&output.to_string())
    }

    #[test]
    fn a_run_with_expected_answers_alone_is_reported() {
        let load = judged(&json!({ "Success(200)": 100 }), &json!({})).unwrap();
        assert_eq!(load, Load { requests: 100, rate: 50.0, p50: 0.001, p99: 0.002 });
    }

    #[test]
    fn one_unexpected_answer_fails_the_run() {
        let refused = judged(&json!({ "Success(200)": 99, "Error(409)": 1 }), &json!({})).unwrap_err();
        assert!(refused.to_string().starts_with("1 of 100 requests"), "{refused}");
    }

    #[test]
    fn one_request_without_an_answer_fails_the_run() {
        let lost = judged(&json!({ "Success(200)": 100 }), &json!({ "connection closed": 1 })).unwrap_err();
        assert!(lost.to_string().starts_with("1 of 101 requests"), "{lost}");
    }
}
