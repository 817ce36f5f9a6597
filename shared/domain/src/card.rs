//! Card payments: what Stripe says of one, and what it means for an order (docs/onramps.md).
//!
//! Each look at Stripe replaces what was known of a payment. Looks can come in any order: a payment that succeeded does
//! not fail any more, and what was given back stays given back.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::pricing::Currency;
use crate::text::Text;
use crate::time::Timestamp;

/// The currencies in which cards are charged, with the smallest charge in cents. Each has two decimals.
const CURRENCIES: [(&str, u64); 16] = [
    ("AUD", 50),
    ("BRL", 50),
    ("CAD", 50),
    ("CHF", 50),
    ("CZK", 1_500),
    ("DKK", 250),
    ("EUR", 50),
    ("GBP", 30),
    ("HKD", 400),
    ("MXN", 1_000),
    ("NOK", 300),
    ("NZD", 50),
    ("PLN", 200),
    ("SEK", 300),
    ("SGD", 50),
    ("USD", 50),
];
/// The largest charge, in cents.
const MOST_CENTS: u64 = 99_999_999;

/// An amount that a card can be charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// In hundredths of the currency.
    pub cents: u64,
    /// The currency.
    pub currency: Currency,
}

impl Charge {
    /// Returns what a card is charged for an amount of a token that stands for one unit of a currency. It is rounded up: the
    /// recipient is owed no less. `None` if Stripe does not charge the currency, or so little or so much of it.
    pub fn of(amount: Amount, decimals: u8, currency: &Currency) -> Option<Self> {
        let (_, least) = CURRENCIES.into_iter().find(|(code, _)| *code == currency.as_str())?;
        let cents = amount.in_hundredths(decimals)?;
        (least..=MOST_CENTS).contains(&cents).then(|| Self { cents, currency: currency.clone() })
    }

    /// Returns whether a card is charged at least a cent too much: it was to pay `asked` of an order of which only `due` is
    /// due now. Both are amounts of the same token.
    pub fn is_too_much(&self, asked: Amount, due: Amount) -> bool {
        let less = self.cents.saturating_sub(1);
        match (due.checked_mul(self.cents), asked.checked_mul(less)) {
            (Some(of_due), Some(of_asked)) => of_due <= of_asked,
            // So large that no token has so much.
            (None, _) | (_, None) => false,
        }
    }

    /// Returns whether cards are charged in a currency.
    pub fn is_possible_in(currency: &Currency) -> bool {
        CURRENCIES.into_iter().any(|(code, _)| code == currency.as_str())
    }
}

/// A card payment, as Stripe shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPayment {
    /// Stripe's id of the payment, `pi_…`.
    pub intent: Text<255>,
    /// What was charged, in hundredths of the currency.
    pub amount: u64,
    /// The currency, as Stripe writes it.
    pub currency: Text<255>,
    /// What it was asked to pay of the order.
    pub covers: Amount,
    /// Whether this is what was asked for: at least the amount, in the right currency, of the right order.
    pub is_as_asked: bool,
    /// How far it is.
    pub status: CardStatus,
    /// When the payer confirmed it.
    pub created_at: Timestamp,
    /// When the card was charged, by Stripe's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// How much was given back.
    pub refunded: u64,
    /// Whether the payer disputes it, or did.
    pub is_disputed: bool,
    /// What it means for the order. It is decided once, when it is first known to have succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
}

/// How far a card payment is. A later status outranks an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    /// It is not decided yet.
    Pending,
    /// It failed. Nothing was charged.
    Failed,
    /// The card was charged.
    Succeeded,
}

/// What a card payment that succeeded means for its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It pays the order.
    Counts,
    /// It came when the session could already be seen to have expired.
    Late,
    /// The order was paid without it, or not with it: it is not what was asked for, or what was paid besides is gone.
    Surplus,
}

impl CardPayment {
    /// Returns what is known after another look. `standing` is what was decided before.
    fn merge(self, look: Self) -> Self {
        Self {
            paid_at: self.paid_at.or(look.paid_at),
            refunded: self.refunded.max(look.refunded),
            is_disputed: self.is_disputed || look.is_disputed,
            standing: self.standing,
            ..if look.status >= self.status { look } else { self }
        }
    }

    /// Returns how much is to be given back: all of a payment that came late or is not needed. Nothing of a disputed one: the
    /// payer's bank decides about that.
    pub fn refund_due(&self) -> u64 {
        match self.standing.filter(|_| !self.is_disputed) {
            Some(Standing::Late | Standing::Surplus) => self.amount.saturating_sub(self.refunded),
            Some(Standing::Counts) | None => 0,
        }
    }

    /// Returns whether it came late and was not given back yet.
    pub fn is_late_money(&self) -> bool {
        self.standing == Some(Standing::Late) && self.refunded < self.amount
    }
}

/// Takes a look into what is known.
pub(crate) fn with_look(known: &[CardPayment], look: CardPayment) -> Vec<CardPayment> {
    let mut known = known.to_vec();
    match known.iter_mut().find(|payment| payment.intent == look.intent) {
        Some(payment) => *payment = payment.clone().merge(look),
        None => known.push(CardPayment { standing: None, ..look }),
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(amount: &str, decimals: u8, currency: &str) -> Option<u64> {
        let currency = Currency::parse(currency).unwrap();
        Charge::of(Amount::parse(amount).unwrap(), decimals, &currency).map(|charge| charge.cents)
    }

    #[test]
    fn a_charge_is_rounded_up_and_has_bounds() {
        for (amount, decimals, currency, cents) in [
            ("93354000", 6, "USD", Some(9_336)),
            ("93350000", 6, "USD", Some(9_335)),
            ("500000", 6, "USD", Some(50)),
            ("490001", 6, "USD", Some(50)),
            ("490000", 6, "USD", None),
            ("300000", 6, "GBP", Some(30)),
            ("999999990000", 6, "EUR", Some(99_999_999)),
            ("999999990001", 6, "EUR", None),
            ("1000000000000000001", 18, "USD", Some(101)),
            ("7", 0, "USD", Some(700)),
            ("75", 1, "USD", Some(750)),
            ("5000000", 6, "JPY", None),
            ("5000000", 6, "KWD", None),
        ] {
            assert_eq!(charge(amount, decimals, currency), cents, "{amount} {currency}");
        }
        assert_eq!(charge(&Amount::MAX.to_string(), 0, "USD"), None);
    }

    #[test]
    fn a_charge_is_too_much_if_a_cent_less_is_due() {
        let amount = |text: &str| Amount::parse(text).unwrap();
        let asked = amount("93354000");
        let charge = Charge::of(asked, 6, &Currency::parse("USD").unwrap()).unwrap();
        for (due, expected) in [
            ("93354000", false),
            // Dust, which a stranger can send.
            ("93353999", false),
            ("93345000", false),
            ("93340000", true),
            ("0", true),
        ] {
            assert_eq!(charge.is_too_much(asked, amount(due)), expected, "{due}");
        }
        assert!(!charge.is_too_much(Amount::MAX, Amount::MAX));
    }
}
