//! What the table holds, seen behind the service's back.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use dev::engine;

use crate::book::Book;
use crate::call::{Call, Caller, Sent};
use crate::case::{Case, OPEN};
use crate::process::Life;

impl Book {
    /// Reads the whole table: it contains nothing that was not sent, nothing twice, and nothing in part.
    pub(crate) async fn audit(&mut self, life: &Life) -> Result<()> {
        let mut items = Vec::new();
        let (client, mut start) =
            (aws_sdk_dynamodb::Client::new(&engine::sdk_config(&life.engine).await), None);
        loop {
            let scan = client.scan().table_name("checkout").consistent_read(true);
            let page = scan.set_exclusive_start_key(start).send().await?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let string = |value: Option<&AttributeValue>| {
            value.and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
        };
        let (mut sessions, mut partitions) = (BTreeMap::new(), BTreeSet::new());
        let (mut transactions, mut subjects) = (0, Vec::new());
        let (mut keys, mut listed_keys) = (BTreeSet::new(), BTreeSet::new());
        for item in &items {
            match string(item.get("sk")).split('#').next() {
                Some("checkout") => {
                    let session = item.get("session").and_then(|session| session.as_m().ok());
                    let session = session.with_context(|| format!("a stray item: {item:?}"))?;
                    let reference = string(session.get("client_reference_id"));
                    let twin = sessions.insert(reference, string(session.get("id")));
                    ensure!(twin.is_none(), "a session is there twice: {item:?}");
                    ensure!(item.contains_key("order") != item.contains_key("ttl"), "in part: {item:?}");
                    partitions.insert(string(item.get("pk")));
                }
                Some("transaction") => {
                    transactions += 1;
                    subjects.push(string(item.get("pk")));
                }
                // Every start creates a key and prints it. It is stored twice, by its hash and with its merchant.
                Some("key") if string(item.get("pk")).starts_with("key#") => {
                    keys.insert(string(item.get("hash")));
                }
                Some("key") => {
                    listed_keys.insert(string(item.get("hash")));
                }
                Some("idempotency") => subjects.push(format!("checkout#{}", string(item.get("subject")))),
                _ => bail!("a stray item: {item:?}"),
            }
        }
        ensure!(!keys.is_empty() && keys == listed_keys, "keys in part: {keys:?}, listed: {listed_keys:?}");
        let orphan = subjects.iter().find(|subject| !partitions.contains(*subject));
        ensure!(orphan.is_none(), "a part of {orphan:?} is there, and not the whole");
        let known = |case: &Case| case.deposits.len() + usize::from(case.is_executed);
        let known: usize = self.cases.iter().map(known).sum();
        ensure!(transactions == known, "{transactions} transactions are there, and {known} were reported");

        for case in &self.cases {
            let reference = case.opened["metadata"]["cart"].as_str().unwrap_or_default();
            let stored = sessions.remove(reference);
            ensure!(stored.as_deref() == Some(&*case.id), "{} is stored as {stored:?}", case.id);
        }
        let caller = Caller::new(life)?;
        for sent in &self.unheard {
            let Call::Open { reference } = &sent.call else { continue };
            if let Some(session) = sessions.remove(reference) {
                let seen = caller.ask(&Sent::without_key(Call::Look { session })).await?;
                let data = &seen.body["data"];
                let is_whole = data["status"] == OPEN && data["metadata"]["cart"] == **reference;
                ensure!(is_whole, "opened in part: {}", seen.text);
                self.figures.happened += 1;
            }
        }
        ensure!(sessions.is_empty(), "nobody opened {sessions:?}");
        Ok(())
    }
}
