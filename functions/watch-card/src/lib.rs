//! Looks at card payments for which something is open: a webhook may be lost, and a refund may have failed.
//!
//! One order that cannot be looked at does not keep the others from it: it is looked at again after those that were not
//! looked at for longer.

use std::time::Duration;

use cards::Cards;
use domain::id::OrderId;
use futures::stream::{self, StreamExt as _};
use lambda_http::tracing;
use runtime::DependencyError;
use store::CARD_SHARDS;
use tokio::time::Instant;

/// How many orders of a shard a run looks at, at most.
const MOST_OF_A_SHARD: i32 = 50;
/// How many orders are looked at side by side. Stripe takes 100 calls a second.
const SIDE_BY_SIDE: usize = 8;
/// After this long a run looks at no further order.
const RUN: Duration = Duration::from_secs(45);

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run {
    /// How many orders were looked at.
    pub looked_at: usize,
    /// How many could not be.
    pub failed: usize,
}

/// Looks at the open card payments. Fails if the table cannot be read.
pub async fn run(cards: &Cards) -> Result<Run, DependencyError> {
    let until = Instant::now() + RUN;
    let mut shards = Vec::new();
    for shard in 0..CARD_SHARDS {
        shards.push(cards.store.open_cards(shard, MOST_OF_A_SHARD).await?.into_iter());
    }
    // One of each shard in turn: if Stripe is slow, a run ends before all were looked at.
    let open = std::iter::from_fn(|| {
        let round: Vec<OrderId> = shards.iter_mut().filter_map(Iterator::next).collect();
        (!round.is_empty()).then_some(round)
    });
    let looks = stream::iter(open.flatten()).map(|order| async move {
        if Instant::now() >= until {
            return None;
        }
        let Err(error) = cards.look(order, None).await else { return Some(true) };
        tracing::error!(%order, cause = %error, "a card payment cannot be looked at");
        if let Err(error) = cards.postpone(order).await {
            tracing::error!(%order, cause = %error, "a card payment keeps its place before the others");
        }
        Some(false)
    });
    let looks: Vec<bool> =
        looks.buffer_unordered(SIDE_BY_SIDE).filter_map(std::future::ready).collect().await;
    let failed = looks.iter().filter(|succeeded| !**succeeded).count();
    Ok(Run { looked_at: looks.len(), failed })
}
