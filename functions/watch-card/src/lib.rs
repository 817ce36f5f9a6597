//! Looks at card payments for which something is open: a webhook may be lost, and a refund may have failed.
//!
//! One order that cannot be looked at does not keep the others from it. It is looked at again in the next run, after those
//! that were not looked at for longer.

use std::time::Duration;

use cards::Cards;
use futures::stream::{self, StreamExt as _};
use lambda_http::tracing;
use runtime::DependencyError;
use store::CARD_SHARDS;
use tokio::time::{Instant, timeout};

/// How many orders of a shard a run looks at, at most.
const MOST_OF_A_SHARD: i32 = 50;
/// How many orders are looked at side by side. Stripe takes 100 calls a second.
const SIDE_BY_SIDE: usize = 8;
/// After this long a run looks at no further order.
const RUN: Duration = Duration::from_secs(45);
/// How long one order may take.
const LONGEST_LOOK: Duration = Duration::from_secs(20);

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
    let mut open = Vec::new();
    for shard in 0..CARD_SHARDS {
        open.extend(cards.store.open_cards(shard, MOST_OF_A_SHARD).await?);
    }
    let looks = stream::iter(open).map(|order| async move {
        if Instant::now() >= until {
            return None;
        }
        match timeout(LONGEST_LOOK, cards.look(order)).await {
            Ok(Ok(_)) => Some(true),
            Ok(Err(error)) => {
                tracing::error!(%order, cause = %error, "a card payment cannot be looked at");
                Some(false)
            }
            Err(_) => {
                tracing::error!(%order, cause = "it takes too long", "a card payment cannot be looked at");
                Some(false)
            }
        }
    });
    let looks: Vec<bool> =
        looks.buffer_unordered(SIDE_BY_SIDE).filter_map(std::future::ready).collect().await;
    let failed = looks.iter().filter(|succeeded| !**succeeded).count();
    Ok(Run { looked_at: looks.len(), failed })
}
