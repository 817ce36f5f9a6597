//! Orders: what a payer undertakes to pay, and to whom.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::EvmAddress;
use crate::amount::Amount;
use crate::id::OrderId;
use crate::invalid::Invalid;
use crate::json_object::JsonObject;
use crate::merchant::Merchant;
use crate::onramp::Onramp;
use crate::text::{OrderReference, Text};
use crate::time::{MAX_SAFE_INTEGER, Timestamp};

/// How long an order on its own waits for its deposit, if its payer has the money in crypto.
const LIFETIME: Duration = Duration::from_mins(15);

/// How long an order on its own waits for its deposit, if a vendor makes it. A payer with a card proves their identity
/// first.
const LIFETIME_WITH_ONRAMP: Duration = Duration::from_hours(1);

/// An order's unchanging facts (docs/api.md, *Create an order*). What happens to it later is kept
/// beside them, in [`Checkout`](crate::lifecycle::Checkout).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What the payer asked for.
    #[serde(flatten)]
    pub terms: OrderTerms,
    /// Where the payer sends the money, in lower-case hex; no other order has this address.
    pub deposit_address: String,
    /// The factory from which that address derives, if it is another than the one in `contracts/`. The configured factory
    /// may change while the order is open; its money can only ever leave through its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factory: Option<EvmAddress>,
    /// Whether its deposits are looked for on the chain itself. Otherwise only a payment processor reports them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_watched: bool,
    /// Whose order it is, if it belongs to no session and was created with an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<Merchant>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a payer asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// What is done with the deposit.
    #[serde(rename = "type")]
    pub kind: OrderKind,
    /// Who receives the money.
    pub recipient: EvmAddress,
    /// The chain the deposit comes on.
    pub src_chain: ChainId,
    /// The chain the recipient is paid on.
    pub dst_chain: ChainId,
    /// The token that is deposited; the zero address is the chain's native token.
    pub src_token: EvmAddress,
    /// The token that the recipient receives.
    pub dst_token: EvmAddress,
    /// How much is to be deposited.
    pub src_amount: Amount,
    /// How much the recipient expects.
    pub expected_dst_amount: Amount,
    /// Display data of the client, given back unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<JsonObject>,
    /// How fiat money becomes the deposit, where the payer has none in crypto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onramp: Option<Onramp>,
    /// Whose wallet made the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator_address: Option<Text<255>>,
    /// The partner that brought the payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner_id: Option<Text<255>>,
    /// Data for the receivers of news about the order, returned unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_metadata: Option<JsonObject>,
    /// The client's own name for the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_reference_id: Option<OrderReference>,
}

impl OrderTerms {
    /// Whether this service settles the order itself: the same token on the same chain.
    /// Any other route needs a relay provider, and none is configured (docs/api.md, *Create an order*).
    pub fn is_settled_here(&self) -> bool {
        self.src_chain == self.dst_chain && self.src_token == self.dst_token
    }

    /// Returns how long an order on its own waits for its deposit. A linked order waits until its
    /// session's deadline.
    pub fn standalone_lifetime(&self) -> Duration {
        let has_onramp = self.onramp.as_ref().is_some_and(Onramp::needs_provider);
        if has_onramp { LIFETIME_WITH_ONRAMP } else { LIFETIME }
    }
}

/// What is done with a deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// It becomes the recipient's token on the recipient's chain.
    Swap,
}

impl OrderKind {
    /// Reads a type's name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "swap" => Ok(Self::Swap),
            _ => Err(Invalid::expected("one of: swap")),
        }
    }
}

/// The id of a chain (EIP-155), 1 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(u64);

impl ChainId {
    /// Reads a chain id.
    pub fn parse(id: u64) -> Result<Self, Invalid> {
        if (1..=MAX_SAFE_INTEGER).contains(&id) {
            Ok(Self(id))
        } else {
            Err(Invalid::expected("a chain id: an integer from 1 to 2^53 - 1"))
        }
    }

    /// The id as a number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Where an order stands (docs/api.md, *Statuses*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The vendor's card payment is awaited.
    WaitingStripePayment,
    /// Not fully paid yet.
    ScanningDepositTransaction,
    /// Paid in time; the execution is awaited.
    Executing,
    /// Paid in time and on its way through a relay.
    Relay,
    /// The recipient was paid.
    Executed,
    /// Too late or called off, and something was deposited.
    Refunding,
    /// The deposit went back.
    Refunded,
    /// The settlement failed.
    Failure,
    /// Too late or called off, and nothing was deposited.
    Expired,
}
