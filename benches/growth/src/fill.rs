//! Fills the table, faster than the functions could: with copies of what they stored.

use anyhow::{Context, Result, anyhow, ensure};
use domain::id::SessionId;
use dynoxide::types::AttributeValue;
use dynoxide::{Database, ImportOptions, Item};
use serde_json::json;

use crate::call::{deposit, session};
use crate::service::{Service, TABLE};

/// How many items are written at once.
const BATCH: usize = 10_000;

/// The sort key of a checkout's own item.
const CHECKOUT: &str = "checkout";

/// Sets how carefully the engine writes its file. It has no way back to what it begins with, so this comes first, too, or
/// a call on an empty table would take longer than on a full one.
pub fn usual(database: &Database) -> Result<()> {
    database.disable_bulk_loading().map_err(|error| anyhow!("the engine cannot be set: {error}"))
}

/// Adds so many open sessions, each like one that the function made. Answers their ids.
pub async fn sessions(service: &Service, count: u32) -> Result<Vec<SessionId>> {
    let made = session(service).await?;
    let made = SessionId::parse(&made).context("an id that is none")?;
    let stored = read(service, &partition(made), CHECKOUT)?;
    let mut ids: Vec<_> = (0..count).map(|_| runtime::random::session_id()).collect();
    // A tree is filled in the order of its keys, or it reads a page for each.
    ids.sort_by_cached_key(|id| partition(*id));
    for batch in ids.chunks(BATCH) {
        let items: Result<Vec<_>> = batch.iter().map(|id| session_like(&stored, *id)).collect();
        write(service, items?)?;
    }
    Ok(ids)
}

fn session_like(stored: &Item, id: SessionId) -> Result<Item> {
    let mut item = stored.clone();
    replace(&mut item, "pk", &partition(id))?;
    let Some(AttributeValue::M(session)) = item.get_mut("session") else {
        return Err(anyhow!("a session is no longer stored as a map"));
    };
    replace(session, "id", &id.to_string())?;
    Ok(item)
}

/// Gives an order so many deposits of one unit each: one that is reported, the others like it.
pub async fn deposits(service: &Service, order: &str, count: u32) -> Result<()> {
    if count == 0 {
        return Ok(());
    }
    deposit(service, order, 1).await?;
    let partition = format!("checkout#{order}");
    let sort_key = |number: u32| format!("transaction#deposit#8453#{}", hash(number));
    let stored = read(service, &partition, &sort_key(1))?;
    let amount = match stored.get("amount") {
        Some(AttributeValue::S(amount)) => amount.parse::<u64>()?,
        _ => return Err(anyhow!("an amount is no longer stored as text")),
    };
    let mut items = Vec::new();
    for number in 2..=count {
        let mut item = stored.clone();
        replace(&mut item, "sk", &sort_key(number))?;
        replace(&mut item, "hash", &hash(number))?;
        items.push(item);
    }
    let mut checkout = read(service, &partition, CHECKOUT)?;
    let Some(AttributeValue::M(ledger)) = checkout.get_mut("ledger") else {
        return Err(anyhow!("a ledger is no longer stored as a map"));
    };
    replace(ledger, "received", &(amount * u64::from(count)).to_string())?;
    items.push(checkout);
    write(service, items)
}

fn hash(number: u32) -> String {
    format!("{number:#066x}")
}

fn partition(session: SessionId) -> String {
    format!("checkout#{}", session.order())
}

fn read(service: &Service, partition: &str, sort_key: &str) -> Result<Item> {
    let key = json!({ "pk": { "S": partition }, "sk": { "S": sort_key } });
    let request = serde_json::from_value(json!({ "TableName": TABLE, "Key": key }))?;
    let found = service.database.get_item(request).map_err(|error| anyhow!("{error}"))?;
    found.item.with_context(|| format!("there is no {sort_key} of {partition}"))
}

/// Each must replace what is there, or the format is no longer the one that is copied here.
fn replace(item: &mut Item, name: &str, text: &str) -> Result<()> {
    let before = item.insert(name.to_owned(), AttributeValue::S(text.to_owned()));
    ensure!(matches!(before, Some(AttributeValue::S(_))), "{name} is no longer stored as text");
    Ok(())
}

/// Afterwards the engine's file is as quick as it was when the table was opened: [`usual`].
fn write(service: &Service, items: Vec<Item>) -> Result<()> {
    let database = &service.database;
    let write = || {
        database.enable_bulk_loading()?;
        database.import_items(TABLE, items, ImportOptions::default()).map(drop)
    };
    write().map_err(|error| anyhow!("the table cannot be filled: {error}"))?;
    usual(database)
}
