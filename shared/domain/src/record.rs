//! A checkout together with its transactions.

use crate::chain_fact::ChainTotals;
use crate::lifecycle::Checkout;
use crate::onramp::VendorReport;
use crate::payment::Transaction;

/// A checkout with every transaction that is known of its order.
#[derive(Debug, Clone)]
pub struct CheckoutRecord {
    /// The checkout.
    pub checkout: Checkout,
    /// The transactions, reported or on the chain, in no particular order.
    pub transactions: Vec<Transaction>,
    /// The totals of the facts on the chain; `None` if the watcher does not watch the order.
    pub on_chain: Option<ChainTotals>,
    /// What the onramp vendor said last; `None` if it said nothing.
    pub vendor_report: Option<VendorReport>,
}
