//! The fees that a transaction offers.

use serde::{Deserialize, Deserializer};

use crate::quantity::Quantity;

/// The two fees of EIP-1559, in wei for each unit of gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The most that is paid, including the base fee.
    pub max: u128,
    /// The part of it that goes to the block's producer.
    pub priority: u128,
}

impl Fees {
    /// The lowest priority fee that geth's block producers accept by default.
    const LEAST_PRIORITY: u128 = 1_000_000;

    /// Returns the fees that replace a pending transaction: an eighth more, rounded up. Nodes refuse a
    /// replacement that does not raise both fees by a tenth.
    #[must_use]
    pub fn raised(self) -> Self {
        let raise = |fee: u128| fee.saturating_add(fee.div_ceil(8));
        Self { max: raise(self.max), priority: raise(self.priority) }
    }

    /// Returns the larger one of each fee. They replace `other` and still meet the market.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        Self { max: self.max.max(other.max), priority: self.priority.max(other.priority) }
    }
}

/// The result of `eth_feeHistory`, as far as it is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FeeHistory {
    /// The base fees of these blocks and of the next one.
    base_fee_per_gas: Vec<Quantity<u128>>,
    /// For each block, the priority fee at each percentile that was asked for.
    #[serde(default, deserialize_with = "or_none")]
    reward: Vec<Vec<Quantity<u128>>>,
}

/// Some nodes write `null` if no block has a transaction.
fn or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<Quantity<u128>>>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl FeeHistory {
    /// Returns what a transaction should offer now: twice the next base fee and the median priority fee. The base
    /// fee doubles within six full blocks at most. Only the base fee of the block is paid, not the double.
    ///
    /// Returns `None` if the history contains no block.
    pub(crate) fn fees(&self) -> Option<Fees> {
        let next_base = self.base_fee_per_gas.last()?.0;
        let mut rewards: Vec<u128> = self.reward.iter().flatten().map(|reward| reward.0).collect();
        rewards.sort_unstable();
        let middle = rewards.get(rewards.len() / 2).copied().unwrap_or_default();
        let priority = middle.max(Fees::LEAST_PRIORITY);
        Some(Fees { max: next_base.saturating_mul(2).saturating_add(priority), priority })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fees(history: &str) -> Option<Fees> {
        serde_json::from_str::<FeeHistory>(history).unwrap().fees()
    }

    #[test]
    fn the_offer_is_twice_the_next_base_fee_and_the_middle_reward() {
        let history = r#"{"oldestBlock":"0x1","baseFeePerGas":["0x64","0xc8","0x12c"],
            "reward":[["0x2dc6c0"],["0x3d0900"],["0x1e8480"]]}"#;
        assert_eq!(fees(history), Some(Fees { max: 600 + 3_000_000, priority: 3_000_000 }));
    }

    #[test]
    fn without_rewards_the_least_priority_is_offered() {
        for reward in ["null", "[]", r#"[["0x0"],["0x0"]]"#] {
            let history = format!(r#"{{"baseFeePerGas":["0x1","0x2"],"reward":{reward}}}"#);
            assert_eq!(fees(&history), Some(Fees { max: 1_000_004, priority: 1_000_000 }), "{reward}");
        }
        assert_eq!(fees(r#"{"baseFeePerGas":["0x2"]}"#).unwrap().priority, 1_000_000);
    }

    #[test]
    fn a_history_of_nothing_offers_nothing() {
        assert_eq!(fees(r#"{"baseFeePerGas":[],"reward":[]}"#), None);
    }

    #[test]
    fn a_raise_is_an_eighth_rounded_up() {
        assert_eq!(Fees { max: 800, priority: 1 }.raised(), Fees { max: 900, priority: 2 });
        let most = Fees { max: u128::MAX, priority: 0 };
        assert_eq!(most.raised(), most);
    }

    #[test]
    fn of_two_offers_each_figure_is_the_larger() {
        let (old, new) = (Fees { max: 9, priority: 3 }, Fees { max: 5, priority: 4 });
        assert_eq!(old.or_more(new), Fees { max: 9, priority: 4 });
    }
}
