//! What is known of one session.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use serde_json::Value;

use crate::call::{ALREADY_LINKED, Answer, Call, NOT_OPEN, Sent, name};

/// The status of a session to which nothing happened yet.
pub(crate) const OPEN: &str = "open";

/// A session, as those know it who make calls about it. Whatever an answer showed them is a fact
/// from then on.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Its id.
    pub(crate) id: String,
    /// The answer that opened it.
    pub(crate) opened: Value,
    /// The furthest status that anybody saw.
    pub(crate) status: String,
    /// The orders that were sent for it and what they ask for, by their references.
    rivals: BTreeMap<String, u64>,
    /// The one that was linked, without what changes.
    pub(crate) order: Option<Value>,
    /// The deposits that were reported, by hash.
    reported: BTreeMap<String, u64>,
    /// Those of them that some answer showed.
    pub(crate) deposits: BTreeSet<String>,
    /// The execution that was reported.
    execution: Option<String>,
    /// Whether some answer showed it.
    pub(crate) is_executed: bool,
    /// Whether a client expired it. Its status may say otherwise.
    is_expire_sent: bool,
    /// What was sent in the last life and not answered.
    pub(crate) unanswered: Vec<Sent>,
    /// What was acknowledged under a key, with the answer.
    pub(crate) remembered: Vec<(Sent, String)>,
    /// Whether the last life had to do with it.
    pub(crate) is_touched: bool,
}

impl Case {
    /// The session that an acknowledged call opened.
    pub(crate) fn new(sent: &Sent, answer: &Answer) -> Result<Self> {
        ensure!(answer.status == 200, "{sent:?} was refused: {}", answer.text);
        let opened = answer.body["data"].clone();
        Ok(Self {
            id: opened["id"].as_str().context("a session without an id")?.to_owned(),
            opened,
            status: OPEN.to_owned(),
            rivals: BTreeMap::new(),
            order: None,
            reported: BTreeMap::new(),
            deposits: BTreeSet::new(),
            execution: None,
            is_executed: false,
            is_expire_sent: false,
            unanswered: Vec::new(),
            remembered: match &sent.key {
                Some(_) => vec![(sent.clone(), answer.text.clone())],
                None => Vec::new(),
            },
            is_touched: true,
        })
    }

    /// Whether no client calls any more.
    pub(crate) fn is_over(&self) -> bool {
        self.is_executed || (self.is_expired() && self.order.is_none()) || self.reported.len() > 5
    }

    /// Whether anybody saw it expired.
    fn is_expired(&self) -> bool {
        self.status == "expired"
    }

    /// What its merchant and its payers do next, all at once.
    pub(crate) fn next_calls(&mut self, rng: &mut Rng) -> Vec<Sent> {
        let order = self.order.as_ref().and_then(|order| order["id"].as_str()).map(str::to_owned);
        let (chance, mut calls) = (rng.u8(..8), Vec::new());
        if let Some(order) = order {
            if chance < 2 && self.execution.is_none() {
                let hash = name(rng);
                self.execution = Some(hash.clone());
                calls.push(Call::Execute { order, hash });
            } else {
                for _ in 0..rng.u8(1..4) {
                    let (hash, amount) = (name(rng), rng.u64(1..50));
                    self.reported.insert(hash.clone(), amount);
                    calls.push(Call::Deposit { order: order.clone(), hash, amount });
                }
            }
            calls.push(Call::Look { session: self.id.clone() });
        } else {
            // Now and then two at once, which only one can win.
            for _ in 0..=u8::from(chance < 3) {
                let (reference, amount) = (name(rng), rng.u64(1..100));
                self.rivals.insert(reference.clone(), amount);
                calls.push(Call::Link { session: self.id.clone(), reference, amount });
            }
        }
        let may_expire = self.status == OPEN && self.execution.is_none() && !self.is_expire_sent;
        if may_expire && rng.u8(..8) == 0 {
            self.is_expire_sent = true;
            calls.push(Call::Expire { session: self.id.clone() });
        }
        self.is_touched = true;
        rng.shuffle(&mut calls);
        calls.into_iter().map(|call| Sent::new(call, rng)).collect()
    }

    /// Records the outcome of one of several concurrent calls.
    pub(crate) fn hear(&mut self, sent: Sent, answer: Option<Answer>) -> Result<()> {
        let Some(answer) = answer else {
            if sent.call.is_write() {
                self.unanswered.push(sent);
            }
            return Ok(());
        };
        if answer.status != 200 {
            let is_lost_race = match &sent.call {
                Call::Link { .. } => [ALREADY_LINKED, NOT_OPEN].contains(&answer.refusal()),
                Call::Expire { .. } => answer.refusal() == NOT_OPEN,
                Call::Open { .. }
                | Call::Deposit { .. }
                | Call::Execute { .. }
                | Call::Look { .. }
                | Call::LookAtOrder { .. } => false,
            };
            ensure!(is_lost_race, "{sent:?} was refused: {}", answer.text);
            self.forget(&sent.call);
            return Ok(());
        }
        self.learn(&sent.call, &answer.body["data"])?;
        if sent.key.is_some() {
            self.remembered.push((sent, answer.text));
        }
        Ok(())
    }

    /// Takes in the data of a success.
    pub(crate) fn learn(&mut self, call: &Call, data: &Value) -> Result<()> {
        match call {
            Call::Open { .. } => {}
            Call::Link { .. } => self.learn_order(data)?,
            Call::Deposit { .. } | Call::Execute { .. } | Call::LookAtOrder { .. } => {
                self.learn_record(data)?;
            }
            Call::Expire { .. } | Call::Look { .. } => self.learn_session(data)?,
        }
        let is_done = !call.is_write() || self.shows(call);
        ensure!(is_done, "{call:?} was acknowledged and not done: {data}");
        Ok(())
    }

    /// Takes in what a session shows.
    pub(crate) fn learn_session(&mut self, data: &Value) -> Result<()> {
        for name in ["id", "metadata", "expires_at", "created_at"] {
            ensure!(data[name] == self.opened[name], "{name} is not what it was: {data}");
        }
        if let Some(record) = data.get("order") {
            ensure!(data["order_id"] == record["order"]["id"], "not the session's order: {data}");
            if !record.is_null() {
                self.learn_record(record)?;
            }
        }
        self.learn_status(data["status"].as_str().unwrap_or_default())
    }

    /// Takes in what an order and its transactions show: each deposit once, as it was reported.
    fn learn_record(&mut self, record: &Value) -> Result<()> {
        self.learn_order(&record["order"])?;
        let mut seen = BTreeSet::new();
        for deposit in record["depositTxs"].as_array().into_iter().flatten() {
            let hash = deposit["txHash"].as_str().unwrap_or_default();
            let reported = self.reported.get(hash).map(u64::to_string);
            ensure!(reported.is_some(), "nobody reported the deposit {deposit}");
            ensure!(deposit["amount"].as_str() == reported.as_deref(), "another amount: {deposit}");
            ensure!(seen.insert(hash), "the deposit {hash} is there twice: {record}");
            self.deposits.insert(hash.to_owned());
        }
        if let Some(hash) = record["executeTx"]["txHash"].as_str() {
            ensure!(self.execution.as_deref() == Some(hash), "nobody reported it executed: {record}");
            self.is_executed = true;
        }
        match record["order"]["status"].as_str() {
            Some("refunding" | "expired") => self.learn_status("expired"),
            Some("executing") => self.learn_status("processing"),
            _ => Ok(()),
        }
    }

    /// Takes in an order: the only one that the session ever has.
    fn learn_order(&mut self, order: &Value) -> Result<()> {
        let mut order = order.clone();
        let fields = order.as_object_mut().context("an order that is no object")?;
        for changing in ["status", "filledAt", "receivedDepositAt"] {
            fields.remove(changing);
        }
        if let Some(known) = &self.order {
            ensure!(order == *known, "the session's order is not what it was: {order}, before: {known}");
        }
        let sent = order["clientReferenceId"].as_str().and_then(|reference| self.rivals.get(reference));
        let is_sent = sent.map(u64::to_string).is_some_and(|amount| order["srcAmount"] == amount);
        ensure!(is_sent, "nobody sent the order {order}");
        self.order = Some(order);
        Ok(())
    }

    /// Takes in a status. Of answers to calls that were made at once, any may tell more than the
    /// one before.
    fn learn_status(&mut self, status: &str) -> Result<()> {
        ensure!(self.is_expire_sent || status != "expired", "nobody expired the session {}", self.id);
        if may_follow(&self.status, status) {
            status.clone_into(&mut self.status);
            return Ok(());
        }
        ensure!(may_follow(status, &self.status), "{} is {status} and was {}", self.id, self.status);
        Ok(())
    }

    /// Whether the facts show that this call was carried out.
    pub(crate) fn shows(&self, call: &Call) -> bool {
        match call {
            Call::Link { reference, .. } => {
                self.order.as_ref().is_some_and(|order| order["clientReferenceId"] == **reference)
            }
            Call::Deposit { hash, .. } => self.deposits.contains(hash),
            Call::Execute { .. } => self.is_executed,
            Call::Expire { .. } => self.is_expired(),
            Call::Open { .. } | Call::Look { .. } | Call::LookAtOrder { .. } => true,
        }
    }

    /// Takes back that a call was sent, once it is certain that it was not carried out: should it
    /// show later, that is a contradiction.
    pub(crate) fn forget(&mut self, call: &Call) {
        match call {
            Call::Link { reference, .. } => drop(self.rivals.remove(reference)),
            Call::Deposit { hash, .. } => drop(self.reported.remove(hash)),
            Call::Execute { .. } => self.execution = None,
            Call::Expire { .. } => self.is_expire_sent = false,
            Call::Open { .. } | Call::Look { .. } | Call::LookAtOrder { .. } => {}
        }
    }

    /// Whether its deposits cover its order.
    pub(crate) fn is_paid(&self) -> bool {
        let asked = self.order.as_ref().and_then(|order| order["clientReferenceId"].as_str());
        let asked = asked.and_then(|reference| self.rivals.get(reference));
        let received: u64 = self.deposits.iter().filter_map(|hash| self.reported.get(hash)).sum();
        asked.is_some_and(|asked| received >= *asked)
    }

    /// The statuses of session and order that the facts come to (docs/api.md, *Statuses*).
    pub(crate) fn implied_statuses(&self) -> (&'static str, &'static str) {
        match (self.is_expired(), self.is_executed) {
            (true, true) => ("expired", "executed"),
            (true, false) if self.deposits.is_empty() => ("expired", "expired"),
            (true, false) => ("expired", "refunding"),
            (false, true) => ("complete", "executed"),
            (false, false) if self.is_paid() => ("processing", "executing"),
            (false, false) => (OPEN, "scanning_deposit_transaction"),
        }
    }
}

/// Where a session can go from each status.
pub(crate) fn may_follow(before: &str, after: &str) -> bool {
    match before {
        OPEN => true,
        "processing" => after != OPEN,
        terminal => after == terminal,
    }
}
