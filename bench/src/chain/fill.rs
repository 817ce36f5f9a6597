//! Fills the table with open orders, faster than the functions could: with copies of what they stored.

use std::time::Duration;

use alloy_primitives::Address;
use anyhow::{Context as _, Result, anyhow, ensure};
use dev::local_chain::{CHAIN, LocalChain, USDC};
use domain::address::EvmAddress;
use domain::deposit_address::ForwarderFactory;
use domain::id::{OrderId, SessionId};
use domain::time::Timestamp;
use dynoxide::types::AttributeValue;
use dynoxide::{ImportOptions, Item};
use runtime::Clock;
use serde_json::{Value, json};
use store::WATCHED_FOR;

use crate::chain::world::{TABLE, World, chain};

/// How many items are written at once.
const BATCH: usize = 10_000;
/// How far back the orders were made: for a little less than they are watched.
const MADE_WITHIN: Duration = Duration::from_hours(47);
/// Over how many partitions of the index the store spreads the orders of one period.
const SHARDS: u8 = 4;
/// How many copies are looked up as the watcher would.
const LOOKED_UP: usize = 20;
/// What an order asks for.
pub const ASKED: u64 = 1_000_000;

/// An order that waits for its deposit.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    session: SessionId,
    /// Its id.
    pub order: OrderId,
    /// The recipient.
    pub recipient: Address,
    /// Where the payer pays.
    pub address: Address,
    made_at: Timestamp,
}

impl Open {
    fn new(session: SessionId, recipient: Address, made_at: Timestamp) -> Result<Self> {
        let order = session.order();
        let payee = EvmAddress::parse(&spelled(recipient))?;
        let address = factory()?.deposit_address(order, &payee).parse()?;
        Ok(Self { session, order, recipient, address, made_at })
    }

    /// The place in the index that the store gives it.
    fn watch(&self) -> [(&'static str, String); 3] {
        let address = spelled(self.address);
        let made_at = self.made_at.as_millis();
        let period = i128::from(made_at) / i128::try_from(WATCHED_FOR.as_millis()).unwrap_or(i128::MAX);
        let shard = address.bytes().last().unwrap_or_default() % SHARDS;
        [
            ("watch_shard", format!("{CHAIN}#{period}#{shard}")),
            ("watch_order", format!("{address}#{made_at}")),
            ("watch_address", address),
        ]
    }

    /// This order, as one that the function made was stored.
    fn stored_like(&self, model: &Item) -> Result<Item> {
        let mut item = model.clone();
        replace(&mut item, "pk", partition(self.order))?;
        for (name, value) in self.watch() {
            replace(&mut item, name, value)?;
        }
        replace(map(&mut item, "session")?, "id", self.session.to_string())?;
        let order = map(&mut item, "order")?;
        replace(order, "id", self.order.to_string())?;
        replace(order, "recipient", spelled(self.recipient))?;
        replace(order, "deposit_address", spelled(self.address))?;
        let made_at = AttributeValue::N(self.made_at.as_millis().to_string());
        let before = order.insert("created_at".to_owned(), made_at);
        ensure!(
            matches!(before, Some(AttributeValue::N(_))),
            "an order's time is no longer stored as a number"
        );
        Ok(item)
    }
}

/// Adds so many open orders, made one after the other for as long as orders are watched.
pub async fn orders(world: &World, count: u32, recipient: impl Fn() -> Address) -> Result<Vec<Open>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let model = model(world, recipient()).await?;
    let now = Clock::system().now();
    let mut orders = Vec::new();
    for place in 0..count {
        let made_at = now - MADE_WITHIN * place / count;
        orders.push(Open::new(runtime::random::session_id(), recipient(), made_at)?);
    }
    // A tree is filled in the order of its keys, or it reads a page for each.
    let mut filled = orders.clone();
    filled.sort_by_cached_key(|open| partition(open.order));
    for batch in filled.chunks(BATCH) {
        let items: Result<Vec<Item>> = batch.iter().map(|open| open.stored_like(&model)).collect();
        let written = world.database.import_items(TABLE, items?, ImportOptions::default());
        written.map_err(|error| anyhow!("the table cannot be filled: {error}"))?;
    }
    are_found(world, &orders, now).await?;
    Ok(orders)
}

/// Looks some of the orders up by their addresses. A wrong partition shows here: the comparison with one stored order
/// can miss it.
async fn are_found(world: &World, orders: &[Open], now: Timestamp) -> Result<()> {
    let chain = chain()?.id;
    for open in orders.iter().step_by(orders.len().div_ceil(LOOKED_UP)) {
        let found = world.store.order_at(chain, (now, now), &spelled(open.address)).await?;
        ensure!(found == Some(open.order), "order {} is not found by its deposit address", open.order);
    }
    Ok(())
}

/// The item of an order that the functions made, which is then taken out again. It must be stored as it would be here,
/// or this is no longer how orders are watched.
async fn model(world: &World, recipient: Address) -> Result<Item> {
    let opened = include_str!("../../../events/create-checkout-session.json");
    let body = json!({ "expires_in": 86_400, "metadata": { "cart": "1042" } });
    let session = world.invoke("create-checkout-session", opened, &body).await?;
    let session = session.get("id").and_then(Value::as_str).and_then(SessionId::parse);
    let session = session.context("a session without an id")?;
    let made = include_str!("../../../events/create-order.json");
    let (asked, usdc) = (ASKED.to_string(), USDC.to_string());
    let body = json!({
        "type": "swap",
        "checkoutSessionId": session,
        "recipientAddress": spelled(recipient),
        "srcChain": CHAIN,
        "dstChain": CHAIN,
        "srcTokenAddress": usdc,
        "dstTokenAddress": usdc,
        "srcAmount": asked,
        "payload": { "expectedDstAmount": asked },
        "metadata": {
            "srcToken": { "symbol": "USDC", "decimals": 6 },
            "dstToken": { "symbol": "USDC", "decimals": 6 },
        },
    });
    let order = world.invoke("create-order", made, &body).await?;
    let made_at = order.get("createdAt").and_then(Value::as_i64).context("an order without a time")?;
    let open = Open::new(session, recipient, Timestamp::from_millis(made_at))?;

    let key = json!({ "pk": { "S": partition(open.order) }, "sk": { "S": "checkout" } });
    let request = json!({ "TableName": TABLE, "Key": key, "ReturnValues": "ALL_OLD" });
    let deleted = world.database.delete_item(serde_json::from_value(request)?);
    let deleted = deleted.map_err(|error| anyhow!("{error}"))?.attributes;
    let stored = deleted.context("the order that was made is not where it should be")?;
    ensure!(
        open.stored_like(&stored)? == stored,
        "watched orders are no longer stored as they are copied here"
    );
    Ok(stored)
}

fn factory() -> Result<ForwarderFactory> {
    LocalChain::factory()
}

fn partition(order: OrderId) -> String {
    format!("checkout#{order}")
}

fn spelled(address: Address) -> String {
    format!("{address:#x}")
}

fn map<'a>(item: &'a mut Item, name: &str) -> Result<&'a mut Item> {
    match item.get_mut(name) {
        Some(AttributeValue::M(map)) => Ok(map),
        _ => Err(anyhow!("{name} is no longer stored as a map")),
    }
}

/// Each must replace what is there, or the format is no longer the one that is copied here.
fn replace(item: &mut Item, name: &str, text: String) -> Result<()> {
    let before = item.insert(name.to_owned(), AttributeValue::S(text));
    ensure!(matches!(before, Some(AttributeValue::S(_))), "{name} is no longer stored as text");
    Ok(())
}
