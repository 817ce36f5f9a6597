//! What can be measured: an endpoint, the gateway alone, a mix.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Requests of one kind, or of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// An unknown route: the cost of HTTP, the gateway and the log without any function.
    UnknownRoute,
    /// Sessions are opened.
    CreateCheckoutSession,
    /// Sessions are read, each with an order that has a deposit.
    GetCheckoutSession,
    /// Sessions without an order are called off.
    ExpireCheckoutSession,
    /// Orders are made, each for a session.
    CreateOrder,
    /// Orders are read that have a deposit.
    GetOrder,
    /// Deposits and executions are reported, one of each for an order.
    RecordOrderEvent,
    /// What a shop's day consists of.
    Mix,
}

/// Of 111 requests of the mix, for ten sessions: six of these get an order, each session is polled eight times, and
/// each order is reported on two or three times.
const MIX: [(Traffic, usize); 4] = [
    (Traffic::CreateCheckoutSession, 10),
    (Traffic::CreateOrder, 6),
    (Traffic::GetCheckoutSession, 80),
    (Traffic::RecordOrderEvent, 15),
];

impl Traffic {
    /// All, in the order of the report.
    pub const ALL: [Self; 8] = [
        Self::UnknownRoute,
        Self::CreateCheckoutSession,
        Self::GetCheckoutSession,
        Self::ExpireCheckoutSession,
        Self::CreateOrder,
        Self::GetOrder,
        Self::RecordOrderEvent,
        Self::Mix,
    ];

    /// Its name: that of the function, if a function serves it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownRoute => "unknown-route",
            Self::CreateCheckoutSession => "create-checkout-session",
            Self::GetCheckoutSession => "get-checkout-session",
            Self::ExpireCheckoutSession => "expire-checkout-session",
            Self::CreateOrder => "create-order",
            Self::GetOrder => "get-order",
            Self::RecordOrderEvent => "record-order-event",
            Self::Mix => "mix",
        }
    }

    /// The status of every answer. Any other is a failure of the run.
    pub const fn expected_status(self) -> u16 {
        match self {
            Self::UnknownRoute => 404,
            Self::CreateCheckoutSession
            | Self::GetCheckoutSession
            | Self::ExpireCheckoutSession
            | Self::CreateOrder
            | Self::GetOrder
            | Self::RecordOrderEvent
            | Self::Mix => 200,
        }
    }

    /// What a while of this consists of, in the order in which it is sent.
    pub fn pattern(self) -> Vec<Self> {
        if self == Self::Mix { interleaved(&MIX) } else { vec![self] }
    }
}

/// Each as often as it is given, spread evenly: the one furthest behind its share is next. Otherwise a run would
/// measure writes in one moment and reads in the next.
fn interleaved(parts: &[(Traffic, usize)]) -> Vec<Traffic> {
    let length: usize = parts.iter().map(|(_, count)| count).sum();
    let mut sent: Vec<(Traffic, usize, usize)> =
        parts.iter().map(|(part, count)| (*part, *count, 0)).collect();
    let mut pattern = Vec::with_capacity(length);
    for place in 1..=length {
        let behind =
            sent.iter_mut().max_by_key(|(_, count, sent)| (count * place).saturating_sub(sent * length));
        if let Some((part, _, sent)) = behind {
            *sent += 1;
            pattern.push(*part);
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_has_each_part_as_often_as_its_share_says_and_evenly() {
        let pattern = Traffic::Mix.pattern();
        let count = |part, of: &[Traffic]| of.iter().filter(|sent| **sent == part).count();
        for (part, expected) in MIX {
            assert_eq!(count(part, &pattern), expected);
        }
        let half = pattern.get(..55).unwrap();
        assert_eq!(count(Traffic::CreateCheckoutSession, half), 5);
        assert_eq!(count(Traffic::GetCheckoutSession, half), 40);
    }

    #[test]
    fn a_name_is_what_the_command_line_takes() {
        for traffic in Traffic::ALL {
            assert_eq!(traffic.to_possible_value().unwrap().get_name(), traffic.name());
        }
        assert_eq!(Traffic::ALL.as_slice(), Traffic::value_variants());
    }
}
