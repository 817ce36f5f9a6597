//! Every path, every call of it, every fault, there alone and there and ever after.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::Arc;

use futures::{StreamExt, stream};
use harness::fault::Fault;
use harness::proxy::{Arrival, Fate, Proxied, Wiring};
use harness::{Answer, Service};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::paths::{self, Ask, Key, Path, Scene, Stage, plain, told};
use super::strike::{Strike, strikes};

/// How many cases are under way at once. Most of them only wait.
const AT_ONCE: usize = 256;
/// How many of them work over a healthy database: more would make it a slow one.
const AT_WORK: usize = 8;
/// How often a case is tried whose fault never had its turn, because the machine was so busy
/// that the calls before it ran out of time.
const TRIES: usize = 5;

/// What a path does over a database without faults.
struct Healthy {
    path: Path,
    /// The calls that it makes.
    calls: Vec<Arrival>,
    before: String,
    /// What is answered, and what an observer sees then.
    first: String,
    after: String,
    made: String,
    /// The same when the same request is sent again.
    second: String,
    finally: String,
    finally_seen: String,
    /// The idempotency records that it leaves.
    records: usize,
    /// The stage, where the path changes nothing: all its cases share it.
    unchanged: Option<Stage>,
}

impl Healthy {
    async fn learn(path: Path, healthy: &Service, wiring: &Wiring) -> Self {
        let stage = path.stage(healthy).await;
        let before = stage.stored(healthy).await;
        let behind = Proxied::beside(healthy, wiring, |_: &str| Fate::Forward).await;
        let first = behind.service.send(path.request(&behind.service, &stage)).await;
        let calls = behind.proxy.arrivals();
        assert!(!calls.is_empty(), "{path:?}");
        let after = stage.stored(healthy).await;
        let made = stage.made(path.ask, &first, healthy).await;
        let second = healthy.send(path.request(healthy, &stage)).await;
        let finally = stage.stored(healthy).await;
        let finally_seen = stage.seen(healthy).await;
        // An expiration's key is kept with the session.
        let is_remembered = match path.key {
            Key::Without => false,
            Key::New => first.status == 200,
            Key::Used | Key::UsedOtherwise => true,
        };
        let records = usize::from(is_remembered && path.ask != Ask::Expire);
        let makes_nothing = match path.key {
            Key::Without => !path.ask.makes_another(),
            Key::New => first.status != 200,
            Key::Used | Key::UsedOtherwise => true,
        };
        let unchanged = (makes_nothing && before == finally).then_some(stage);
        let (first, second) = (told(&first), told(&second));
        Self { path, calls, before, first, after, made, second, finally, finally_seen, records, unchanged }
    }
}

/// What must be found in the table once all is over.
struct Leaves {
    case: String,
    /// In everything that was made, and of how many things.
    tag: String,
    made: [usize; 2],
    /// Whose idempotency records, and how many.
    subject: Option<String>,
    records: usize,
    was_unavailable: bool,
}

/// What all cases share.
struct Ground {
    healthy: Service,
    wiring: Wiring,
    turns: Semaphore,
}

/// A path under one fault, and its client who does not give up.
async fn endure(known: &Healthy, strike: &Strike, ground: &Ground) -> Leaves {
    let path = known.path;
    let case = format!("{path:?} under {strike:?}");
    for _ in 0..TRIES {
        if let Some(leaves) = try_to_endure(&case, known, strike, ground).await {
            return leaves;
        }
    }
    panic!("{case}: it was never struck");
}

async fn try_to_endure(case: &str, known: &Healthy, strike: &Strike, ground: &Ground) -> Option<Leaves> {
    let Ground { healthy, wiring, turns } = ground;
    let path = known.path;
    let turn = turns.acquire().await.unwrap();
    let stage = match &known.unchanged {
        Some(stage) => stage.clone(),
        None => path.stage(healthy).await,
    };
    let behind = Proxied::beside(healthy, wiring, strike.clone()).await;
    drop(turn);

    let answer = behind.service.send(path.request(&behind.service, &stage)).await;
    let was_unavailable = answer.status == 503;
    if behind.proxy.hits() == 0 {
        assert!(was_unavailable, "{case}: it was answered without the call");
        return None;
    }

    let turn = turns.acquire().await.unwrap();
    let seen = stage.stored(healthy).await;
    if was_unavailable {
        assert_eq!(answer.failure(), (503, "temporarily_unavailable", None), "{case}");
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1, "{case}");
        assert!(seen == known.before || seen == known.after, "{case}: half done:\n{seen}");
    } else {
        assert_eq!(told(&answer), known.first, "{case}");
        assert_eq!(seen, known.after, "{case}");
        assert_eq!(stage.made(path.ask, &answer, healthy).await, known.made, "{case}");
    }

    let again = healthy.send(path.request(healthy, &stage)).await;
    let told_again = told(&again);
    let may_still_come = matches!(strike.fault, Fault::LateRequest(_));
    let right = if !was_unavailable || seen != known.before && !may_still_come {
        told_again == known.second
    } else if seen == known.after || may_still_come {
        told_again == known.first || told_again == known.second
    } else {
        told_again == known.first
    };
    assert!(right, "{case}: it was answered {}, and when it was sent again:\n{told_again}", answer.text);

    drop(turn);
    behind.proxy.settled().await;
    let _turn = turns.acquire().await.unwrap();
    assert_eq!(stage.stored(healthy).await, known.finally, "{case}: finally");
    if was_unavailable {
        assert_eq!(stage.seen(healthy).await, known.finally_seen, "{case}: finally");
    }
    Some(leaves(case.to_owned(), known, &stage, &again, was_unavailable))
}

fn leaves(case: String, known: &Healthy, stage: &Stage, again: &Answer, was_unavailable: bool) -> Leaves {
    let path = known.path;
    let made = if !path.ask.makes_another() {
        [0, 1]
    } else if path.key != Key::Without {
        [1, 1]
    } else if was_unavailable {
        // Nobody knows whether the first request made one.
        [1, 2]
    } else {
        [2, 2]
    };
    let subject = (again.status == 200 || !path.ask.makes_another()).then(|| stage.subject(path.ask, again));
    Leaves { case, tag: stage.tag.clone(), made, subject, records: known.records, was_unavailable }
}

/// How often each text is the value of an attribute in the table, whatever attribute, leaving
/// out idempotency records; and how many of those name each subject.
async fn counts(service: &Service) -> (HashMap<String, usize>, HashMap<String, usize>) {
    let (mut texts, mut subjects) = (HashMap::new(), HashMap::new());
    let scan = service.database.scan().table_name(&service.table).consistent_read(true);
    let mut pages = scan.into_paginator().items().send();
    while let Some(item) = pages.next().await {
        let item = plain(item.unwrap());
        if item["sk"] == "idempotency" {
            *subjects.entry(item["subject"].as_str().unwrap().to_owned()).or_default() += 1;
        } else {
            count(&item, &mut texts);
        }
    }
    (texts, subjects)
}

fn count(value: &Value, texts: &mut HashMap<String, usize>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| count(value, texts)),
        Value::Array(values) => values.iter().for_each(|value| count(value, texts)),
        Value::String(text) => *texts.entry(text.clone()).or_default() += 1,
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_survives_every_fault_at_every_call() {
    let healthy = Service::start().await;
    let wiring = Wiring::of(&healthy).await;
    let mut cases = Vec::new();
    let paths = paths::all();
    let number_of_paths = paths.len();
    for path in paths {
        let known = Arc::new(Healthy::learn(path, &healthy, &wiring).await);
        cases.extend(strikes(&known.calls).into_iter().map(|strike| (Arc::clone(&known), strike)));
    }
    cases.sort_by_key(|(_, strike)| std::cmp::Reverse(strike.slowness()));
    let number_of_cases = cases.len();

    let ground = Arc::new(Ground { healthy, wiring, turns: Semaphore::new(AT_WORK) });
    let all_leave: Vec<Leaves> = stream::iter(cases)
        .map(|(known, strike)| {
            let ground = Arc::clone(&ground);
            tokio::spawn(async move { endure(&known, &strike, &ground).await })
        })
        .buffer_unordered(AT_ONCE)
        .map(Result::unwrap)
        .collect()
        .await;

    let (made, records) = counts(&ground.healthy).await;
    let mut unavailable = 0;
    for leaves in all_leave {
        let Leaves { case, tag, made: [least, most], subject, records: remembered, was_unavailable } = leaves;
        let made = made.get(&tag).copied().unwrap_or_default();
        assert!((least..=most).contains(&made), "{case}: {made} were made");
        if let Some(subject) = subject {
            assert_eq!(records.get(&subject).copied().unwrap_or_default(), remembered, "{case}");
        }
        unavailable += usize::from(was_unavailable);
    }
    // Not by `println!`, which a passing test keeps to itself: a number that nobody sees shrinks unnoticed.
    let figures =
        format!("{number_of_paths} paths, {number_of_cases} cases, {unavailable} of them 503 at first");
    let mut output = io::stdout();
    writeln!(output, "{figures}").unwrap();
}

#[test]
fn no_path_is_listed_twice() {
    let paths = paths::all();
    for (at, path) in paths.iter().enumerate() {
        assert!(!paths[..at].contains(path), "{path:?}");
    }
    assert!(paths.iter().any(|path| path.scene == Scene::Complete));
}
