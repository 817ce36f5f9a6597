//! Priced sessions: what is to be paid, and to whom.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::address::EvmAddress;
use crate::amount::Amount;
use crate::invalid::Invalid;
use crate::order::{ChainId, OrderTerms};

/// The most offers of a session.
pub const MAX_OFFERS: usize = 16;

/// How the amount of an offer binds the payer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceMode {
    /// The payer pays this amount.
    Exact,
    /// The payer chooses an amount from this one on.
    AtLeast,
}

impl PriceMode {
    /// Reads a mode's name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "exact" => Ok(Self::Exact),
            "at_least" => Ok(Self::AtLeast),
            _ => Err(Invalid::expected("`exact` or `at_least`")),
        }
    }
}

/// The price of a session: offers of which the payer accepts one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredPricing", into = "StoredPricing")]
pub struct Pricing {
    /// How the amounts bind the payer.
    pub mode: PriceMode,
    /// The offers, the default first. No two have the same chain and token.
    pub offers: Vec<Offer>,
}

/// One way to pay the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The chain that the payment comes on.
    pub chain: ChainId,
    /// The token that is paid.
    pub token: EvmAddress,
    /// The account that is paid.
    pub recipient: EvmAddress,
    /// The smallest amount that is accepted.
    pub least: Amount,
    /// The largest amount that is accepted.
    pub most: Amount,
    /// The amount that a page may propose; only with [`PriceMode::AtLeast`].
    pub suggested: Option<Amount>,
}

impl Offer {
    /// Returns the name under which the offer is stored: chain and token, which no other offer of the session has.
    pub fn key(&self) -> String {
        offer_key(self.chain, &self.token)
    }
}

/// Returns the name of the offer that an order with this chain and token accepts.
pub fn offer_key(chain: ChainId, token: &EvmAddress) -> String {
    format!("{}|{}", chain.as_u64(), token.to_lower_case())
}

impl Pricing {
    /// Returns the offer with this chain and token.
    pub fn offer(&self, chain: ChainId, token: &EvmAddress) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.chain == chain && offer.token == *token)
    }

    /// Returns the first field of an order that does not agree with the price, in the order of docs/api.md; `None` if the
    /// order pays the price. The condition in the write that links an order says the same.
    pub fn mismatch(&self, terms: &OrderTerms) -> Option<&'static str> {
        let Some(offer) = self.offer(terms.src_chain, &terms.src_token) else {
            let any = |agrees: fn(&Offer, &OrderTerms) -> bool| self.offers.iter().any(|o| agrees(o, terms));
            return Some(if !any(|offer, terms| offer.recipient == terms.recipient) {
                "recipientAddress"
            } else if any(|offer, terms| offer.chain == terms.src_chain) {
                "srcTokenAddress"
            } else {
                "srcChain"
            });
        };
        let fields = [
            (offer.recipient == terms.recipient, "recipientAddress"),
            ((offer.least..=offer.most).contains(&terms.src_amount), "srcAmount"),
            (terms.dst_chain == terms.src_chain, "dstChain"),
            (terms.dst_token == terms.src_token, "dstTokenAddress"),
            (terms.expected_dst_amount == terms.src_amount, "payload.expectedDstAmount"),
        ];
        fields.into_iter().find(|(agrees, _)| !agrees).map(|(_, field)| field)
    }
}

/// Returns whether an order gives its recipient all that its payer deposits, in the same token. A priced session accepts
/// no other order.
pub fn pays_in_full(terms: &OrderTerms) -> bool {
    terms.is_settled_here() && terms.expected_dst_amount == terms.src_amount
}

/// What an order says of how its session's price is paid. What it leaves out is taken from the offer.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// `recipientAddress`.
    pub recipient: Option<EvmAddress>,
    /// `srcChain`.
    pub chain: Option<ChainId>,
    /// `srcTokenAddress`.
    pub token: Option<EvmAddress>,
    /// `srcAmount`.
    pub amount: Option<Amount>,
}

/// Why a choice selects no offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChoiceRefusal {
    /// This field agrees with no offer.
    Mismatch(&'static str),
    /// Without this field, several offers are possible, or the amount is open.
    Missing(&'static str),
}

impl Pricing {
    /// Returns the offer that a choice selects, and the amount to pay.
    pub fn choose(&self, choice: &Choice) -> Result<(&Offer, Amount), ChoiceRefusal> {
        let agrees = |offer: &&Offer| {
            choice.chain.is_none_or(|chain| offer.chain == chain)
                && choice.token.as_ref().is_none_or(|token| offer.token == *token)
        };
        let mut agreeing = self.offers.iter().filter(agrees);
        let offer = match (agreeing.next(), agreeing.next()) {
            (Some(offer), None) => offer,
            (Some(_), Some(_)) if choice.chain.is_none() => return Err(ChoiceRefusal::Missing("srcChain")),
            (Some(_), Some(_)) => return Err(ChoiceRefusal::Missing("srcTokenAddress")),
            (None, _) => {
                let is_offered = |chain| self.offers.iter().any(|offer| offer.chain == chain);
                let is_paid = |recipient: &_| self.offers.iter().any(|offer| offer.recipient == *recipient);
                // The first field that differs, in the contract's order.
                let field = if !choice.recipient.as_ref().is_none_or(is_paid) {
                    "recipientAddress"
                } else if choice.chain.is_none_or(is_offered) {
                    "srcTokenAddress"
                } else {
                    "srcChain"
                };
                return Err(ChoiceRefusal::Mismatch(field));
            }
        };
        if choice.recipient.as_ref().is_some_and(|recipient| offer.recipient != *recipient) {
            return Err(ChoiceRefusal::Mismatch("recipientAddress"));
        }
        match (choice.amount, self.mode) {
            (Some(amount), _) if (offer.least..=offer.most).contains(&amount) => Ok((offer, amount)),
            (Some(_), _) => Err(ChoiceRefusal::Mismatch("srcAmount")),
            (None, PriceMode::Exact) => Ok((offer, offer.least)),
            (None, PriceMode::AtLeast) => Err(ChoiceRefusal::Missing("srcAmount")),
        }
    }
}

/// A decimal amount of a currency, for example `25.00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    whole: String,
    fraction: String,
}

impl Price {
    /// Reads digits, and after a point at least one more. Signs, exponents and separators are refused.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::expected("a decimal amount of at most 40 characters, such as \"25.00\"");
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(invalid()),
            Some(parts) => parts,
            None => (text, ""),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_canonical = whole == "0" || !whole.starts_with('0');
        if text.len() > 40 || whole.is_empty() || !is_canonical || !is_digits(whole) || !is_digits(fraction) {
            return Err(invalid());
        }
        Ok(Self { whole: whole.to_owned(), fraction: fraction.to_owned() })
    }

    /// Returns the price in the smallest unit of a token with this many decimals. Nothing is rounded: a price with more
    /// fraction digits than the token has is refused, and so is a price of nothing.
    pub fn in_smallest_unit(&self, decimals: u8) -> Result<Amount, Invalid> {
        let missing = usize::from(decimals).checked_sub(self.fraction.len()).ok_or_else(|| {
            Invalid::expected(format!(
                "an amount with at most {decimals} digits after the point: nothing is rounded"
            ))
        })?;
        let digits = format!("{}{}{}", self.whole, self.fraction, "0".repeat(missing));
        let digits = digits.trim_start_matches('0');
        Amount::parse_positive(digits).map_err(|_| {
            Invalid::expected("more than nothing, and less than 2^256 in the token's smallest unit")
        })
    }
}

/// The code of a currency, in capitals (ISO 4217).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Currency(String);

impl Currency {
    /// Reads three letters in either case.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            Ok(Self(text.to_ascii_uppercase()))
        } else {
            Err(Invalid::expected("an ISO 4217 currency code of three letters, such as USD"))
        }
    }

    /// Returns the code in capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|_| de::Error::custom("a currency is an ISO 4217 code of three letters"))
    }
}

/// A price as the table stores it.
///
/// The write that links an order compares the offers inside DynamoDB, so they are a map by [`offer_key`]. Addresses are
/// in lower case, and amounts are padded to 78 digits: as texts they then sort like numbers. A DynamoDB number holds only
/// 38 digits.
#[derive(Clone, Serialize, Deserialize)]
struct StoredPricing {
    mode: PriceMode,
    offers: BTreeMap<String, StoredOffer>,
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredOffer {
    recipient: String,
    least: PaddedAmount,
    most: PaddedAmount,
    position: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested: Option<PaddedAmount>,
    chain: ChainId,
    /// As they were given: a client compares addresses with what it sent.
    token_given: EvmAddress,
    recipient_given: EvmAddress,
}

impl From<Pricing> for StoredPricing {
    fn from(pricing: Pricing) -> Self {
        let stored = |(position, offer): (usize, Offer)| {
            let value = StoredOffer {
                recipient: offer.recipient.to_lower_case(),
                least: PaddedAmount(offer.least),
                most: PaddedAmount(offer.most),
                position,
                suggested: offer.suggested.map(PaddedAmount),
                chain: offer.chain,
                token_given: offer.token.clone(),
                recipient_given: offer.recipient.clone(),
            };
            (offer.key(), value)
        };
        let offers = pricing.offers.into_iter().enumerate().map(stored).collect();
        Self { mode: pricing.mode, offers }
    }
}

impl From<StoredPricing> for Pricing {
    fn from(stored: StoredPricing) -> Self {
        let mut offers: Vec<StoredOffer> = stored.offers.into_values().collect();
        offers.sort_by_key(|offer| offer.position);
        let offer = |stored: StoredOffer| Offer {
            chain: stored.chain,
            token: stored.token_given,
            recipient: stored.recipient_given,
            least: stored.least.0,
            most: stored.most.0,
            suggested: stored.suggested.map(|amount| amount.0),
        };
        Self { mode: stored.mode, offers: offers.into_iter().map(offer).collect() }
    }
}

/// An amount of 78 digits, the most that an amount has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaddedAmount(pub Amount);

impl std::fmt::Display for PaddedAmount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:0>78}", self.0.to_string())
    }
}

impl Serialize for PaddedAmount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PaddedAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.trim_start_matches('0');
        Amount::parse(if digits.is_empty() { "0" } else { digits }).map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn price_becomes_the_smallest_unit_without_rounding() {
        let price = |text: &str, decimals| Price::parse(text).unwrap().in_smallest_unit(decimals);
        assert_eq!(price("25.00", 6).unwrap().to_string(), "25000000");
        assert_eq!(price("0.000001", 6).unwrap().to_string(), "1");
        assert_eq!(price("1", 0).unwrap().to_string(), "1");
        assert_eq!(price("12.5", 18).unwrap().to_string(), "12500000000000000000");
        let refused = price("0.0000001", 6).unwrap_err();
        assert!(refused.requirement().contains("at most 6 digits"), "{refused}");
        assert!(price("0", 6).is_err() && price("0.00", 6).is_err());
        assert!(price(&"9".repeat(40), 77).is_err());
    }

    #[test]
    fn other_texts_are_no_price() {
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "01", "1.2.3", " 1", "1_0", "٣", &"1".repeat(41)]
        {
            assert!(Price::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn padded_amounts_sort_like_numbers(a: [u64; 4], b: [u64; 4]) {
            let amount = |limbs| Amount::from_word(alloy_primitives::U256::from_limbs(limbs));
            let (a, b) = (amount(a), amount(b));
            prop_assert_eq!(PaddedAmount(a).to_string().cmp(&PaddedAmount(b).to_string()), a.cmp(&b));
            let text = serde_json::to_string(&PaddedAmount(a)).unwrap();
            prop_assert_eq!(serde_json::from_str::<PaddedAmount>(&text).unwrap(), PaddedAmount(a));
        }
    }
}
