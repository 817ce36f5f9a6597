//! Whether a session is, after a kill, what it was known to be.

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;

use crate::call::{ALREADY_LINKED, Call, Caller, NOT_OPEN, Sent};
use crate::case::{Case, OPEN, may_follow};

impl Case {
    /// Reads the session while no other client calls, and checks that no fact is lost and that the facts agree.
    async fn look(&mut self, caller: &Caller) -> Result<()> {
        let answer = caller.ask(&Sent::without_key(Call::Look { session: self.id.clone() })).await?;
        ensure!(answer.status == 200, "the session is lost: {}", answer.text);
        let data = &answer.body["data"];
        let (status, record) = (data["status"].as_str().unwrap_or_default(), &data["order"]);
        let shown: Vec<_> = record["depositTxs"].as_array().into_iter().flatten().collect();
        let is_shown = |hash: &String| shown.iter().any(|deposit| deposit["txHash"] == **hash);
        let lost = self.deposits.iter().find(|hash| !is_shown(hash));
        ensure!(data["client_reference_id"] == self.opened["metadata"]["cart"], "another name: {data}");
        ensure!(self.order.is_none() || !record.is_null(), "the order is lost: {data}");
        ensure!(lost.is_none(), "the deposit {lost:?} is lost: {data}");
        ensure!(!self.is_executed || !record["executeTx"].is_null(), "the execution is lost: {data}");
        ensure!(may_follow(&self.status, status), "the session was {}: {data}", self.status);

        self.learn_session(data)?;
        let (session_status, order_status) = self.implied_statuses();
        ensure!(status == session_status, "the facts make the session {session_status}: {data}");
        if let Some(order) = &self.order {
            ensure!(record["order"]["status"] == order_status, "the facts make it {order_status}: {record}");
            let is_covered = !record["order"]["receivedDepositAt"].is_null();
            ensure!(is_covered == self.is_paid(), "covered or not: {record}");
            ensure!(record["order"]["filledAt"].is_null() != self.is_executed, "filled or not: {record}");
            let order = order["id"].as_str().unwrap_or_default().to_owned();
            let alone = caller.ask(&Sent::without_key(Call::LookAtOrder { order })).await?;
            ensure!(alone.body["data"] == *record, "another order by itself: {}", alone.text);
        }
        Ok(())
    }

    /// Checks what is known of the session after a kill, and settles what was left unanswered.
    /// Returns how many of those calls had happened. To try each key again after each kill would
    /// take longer than all the rest: unless it `is_last`, only some are tried.
    pub(crate) async fn check(&mut self, caller: &Caller, is_last: bool, rng: &mut Rng) -> Result<usize> {
        self.look(caller).await.context("after a kill")?;
        for (sent, first) in &self.remembered {
            if !is_last && rng.u8(..4) > 0 {
                continue;
            }
            let again = caller.ask(sent).await?;
            ensure!(again.is_replay && again.text == *first, "{sent:?}: {}, first {first}", again.text);
        }
        let mut happened = 0;
        for sent in std::mem::take(&mut self.unanswered) {
            let has_happened = self.shows(&sent.call);
            happened += usize::from(has_happened);
            if sent.key.is_some() {
                self.repeat(&sent, has_happened, caller).await?;
            } else if rng.bool() && matches!(sent.call, Call::Deposit { .. } | Call::Execute { .. }) {
                // Who reports facts repeats them until they are acknowledged.
                let again = caller.ask(&sent).await?;
                ensure!(again.status == 200, "{sent:?} was refused: {}", again.text);
                self.learn(&sent.call, &again.body["data"])?;
            } else if !has_happened {
                self.forget(&sent.call);
            }
            self.look(caller).await.with_context(|| format!("after {sent:?} was settled"))?;
        }
        self.is_touched = false;
        Ok(happened)
    }

    /// Repeats an unanswered call under its key. The key and what was done are one write: the
    /// first repetition is a replay just where the call shows.
    async fn repeat(&mut self, sent: &Sent, has_happened: bool, caller: &Caller) -> Result<()> {
        let heard = caller.send(sent).await?;
        // A repetition that is given up on may be the one that is replayed then.
        let is_certain = heard.is_some();
        let first = match heard {
            Some(answer) => answer,
            None => caller.ask(sent).await?,
        };
        let second = caller.ask(sent).await?;
        if first.status == 200 {
            let is_whole = first.is_replay == has_happened || !is_certain;
            ensure!(is_whole, "{sent:?} happened in part: {}", first.text);
            ensure!(second.is_replay && second.text == first.text, "{sent:?}: {}", second.text);
            self.learn(&sent.call, &first.body["data"])?;
            self.remembered.push((sent.clone(), first.text));
            return Ok(());
        }
        ensure!(!has_happened, "{sent:?} happened and is refused: {}", first.text);
        self.forget(&sent.call);
        self.look(caller).await?;
        let is_link = matches!(sent.call, Call::Link { .. });
        // A fact is never refused; an open session can be expired; the one place for an order is
        // refused only where another took it.
        let (expected, may_be_refused) = if self.status == OPEN {
            (ALREADY_LINKED, is_link && self.order.is_some())
        } else {
            (NOT_OPEN, is_link || matches!(sent.call, Call::Expire { .. }))
        };
        for answer in [first, second] {
            let is_right = may_be_refused && answer.refusal() == expected;
            ensure!(is_right, "{sent:?} was refused: {}", answer.text);
        }
        Ok(())
    }
}
