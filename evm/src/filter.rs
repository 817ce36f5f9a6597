//! Filters for logs.

use alloy_primitives::{Address, B256};
use serde_json::{Value, json};

use crate::abi;
use crate::log::Log;

/// The values of one position in a filter. There is at least one, because a node reads an **empty list as
/// "any"** and would return the logs of the whole chain. There are at most 1,000, which is geth's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf<T>(Vec<T>);

/// The error for values that make no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAFilter {
    /// There are no values, so there is nothing to ask for.
    #[error("a filter of no values would match everything")]
    Empty,
    /// There are too many values. Leave the position open, and match the logs here.
    #[error("a filter takes 1,000 values, not {0}")]
    TooMany(usize),
}

impl<T> OneOf<T> {
    /// The largest number of values in one position.
    pub const MOST: usize = 1_000;

    /// Accepts any of these values.
    pub fn new(values: impl IntoIterator<Item = T>) -> Result<Self, NotAFilter> {
        let values: Vec<T> = values.into_iter().collect();
        match values.len() {
            0 => Err(NotAFilter::Empty),
            1..=Self::MOST => Ok(Self(values)),
            number => Err(NotAFilter::TooMany(number)),
        }
    }

    /// Accepts only this value.
    pub fn only(value: T) -> Self {
        Self(vec![value])
    }
}

impl OneOf<Address> {
    /// Converts the addresses to topics, with twelve zero bytes before each.
    fn into_topics(self) -> OneOf<B256> {
        OneOf(self.0.into_iter().map(|address| address.into_word()).collect())
    }
}

/// A filter for logs. It always names the contracts and the events. A topic that is left open is `None`, never
/// an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    contracts: OneOf<Address>,
    events: OneOf<B256>,
    /// The topics after the event's own.
    topics: [Option<OneOf<B256>>; 3],
}

impl LogFilter {
    /// Selects transfers of these tokens, to these recipients or to all.
    pub fn transfers(tokens: OneOf<Address>, to: Option<OneOf<Address>>) -> Self {
        let to = to.map(OneOf::into_topics);
        Self { contracts: tokens, events: OneOf::only(abi::TRANSFER), topics: [None, to, None] }
    }

    /// Selects transfers of these tokens from these senders.
    pub fn transfers_from(tokens: OneOf<Address>, from: OneOf<Address>) -> Self {
        let topics = [Some(from.into_topics()), None, None];
        Self { contracts: tokens, events: OneOf::only(abi::TRANSFER), topics }
    }

    /// Selects the results of a factory's sweeps, of these orders or of all.
    pub fn sweeps(factories: OneOf<Address>, orders: Option<OneOf<B256>>) -> Self {
        let events = OneOf(vec![abi::SWEPT, abi::SWEEP_FAILED]);
        Self { contracts: factories, events, topics: [orders, None, None] }
    }

    /// Returns the parameter of `eth_getLogs` for the blocks `from` to `to`.
    pub(crate) fn parameter(&self, from: &str, to: &str) -> Value {
        let mut topics = vec![Some(&self.events.0)];
        topics.extend(self.topics.iter().map(|values| values.as_ref().map(|values| &values.0)));
        // Some nodes require a topic for each `null` at the end.
        while topics.last().is_some_and(Option::is_none) {
            topics.pop();
        }
        json!({ "fromBlock": from, "toBlock": to, "address": self.contracts.0, "topics": topics })
    }

    /// Returns whether the filter selects a log.
    pub fn matches(&self, log: &Log) -> bool {
        let mut topics = log.topics.iter();
        self.contracts.0.contains(&log.address)
            && topics.next().is_some_and(|event| self.events.0.contains(event))
            && self.topics.iter().all(|wanted| {
                let topic = topics.next();
                wanted.as_ref().is_none_or(|any| topic.is_some_and(|topic| any.0.contains(topic)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::LogPosition;

    const TOKEN: Address = Address::repeat_byte(0xaa);
    const PAYEE: Address = Address::repeat_byte(0xbb);

    fn transfer_log(topics: Vec<B256>) -> Log {
        let position = LogPosition {
            block_number: 1,
            log_index: 0,
            block_hash: B256::ZERO,
            transaction_hash: B256::ZERO,
        };
        Log { address: TOKEN, topics, data: [].into(), position, removed: false }
    }

    #[test]
    fn no_values_are_no_filter_and_neither_are_too_many() {
        assert_eq!(OneOf::<Address>::new([]), Err(NotAFilter::Empty));
        assert!(OneOf::new(vec![PAYEE; 1_000]).is_ok());
        assert_eq!(OneOf::new(vec![PAYEE; 1_001]), Err(NotAFilter::TooMany(1_001)));
    }

    #[test]
    fn transfers_are_asked_for_by_token_and_recipient() {
        let filter = LogFilter::transfers(OneOf::only(TOKEN), Some(OneOf::only(PAYEE)));
        assert_eq!(
            filter.parameter("0x1", "0x2"),
            json!({
                "fromBlock": "0x1",
                "toBlock": "0x2",
                "address": ["0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
                "topics": [
                    ["0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"],
                    null,
                    ["0x000000000000000000000000bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"],
                ],
            })
        );
    }

    #[test]
    fn no_filter_holds_an_empty_list() {
        let order = OneOf::only(B256::ZERO);
        for filter in [
            LogFilter::transfers(OneOf::only(TOKEN), None),
            LogFilter::transfers_from(OneOf::only(TOKEN), OneOf::only(PAYEE)),
            LogFilter::sweeps(OneOf::only(TOKEN), None),
            LogFilter::sweeps(OneOf::only(TOKEN), Some(order)),
        ] {
            let parameter = filter.parameter("0x1", "0x2").to_string();
            assert!(!parameter.contains("[]"), "{parameter}");
            assert!(!parameter.contains("null]"), "{parameter}");
        }
    }

    #[test]
    fn a_log_matches_by_contract_event_and_topics() {
        let filter = LogFilter::transfers(OneOf::only(TOKEN), Some(OneOf::only(PAYEE)));
        let asked = transfer_log(vec![abi::TRANSFER, TOKEN.into_word(), PAYEE.into_word()]);
        assert!(filter.matches(&asked));
        assert!(!filter.matches(&Log { address: PAYEE, ..asked.clone() }));
        for topics in [
            vec![],
            vec![abi::SWEPT, TOKEN.into_word(), PAYEE.into_word()],
            vec![abi::TRANSFER, PAYEE.into_word(), TOKEN.into_word()],
            vec![abi::TRANSFER, PAYEE.into_word()],
        ] {
            assert!(!filter.matches(&transfer_log(topics)));
        }
        let from_the_payee = LogFilter::transfers_from(OneOf::only(TOKEN), OneOf::only(PAYEE));
        assert!(from_the_payee.matches(&transfer_log(vec![
            abi::TRANSFER,
            PAYEE.into_word(),
            TOKEN.into_word()
        ])));
        assert!(!from_the_payee.matches(&asked));
        let to_anybody = LogFilter::transfers(OneOf::only(TOKEN), None);
        assert!(to_anybody.matches(&transfer_log(vec![abi::TRANSFER, PAYEE.into_word(), TOKEN.into_word()])));
    }
}
