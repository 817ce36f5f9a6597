//! Orders and their transactions on the wire.

use std::borrow::Cow;

use domain::amount::Amount;
use domain::card::{CardPayment, CardStatus, Standing};
use domain::chain_fact::ChainTotals;
use domain::id::OrderId;
use domain::json_object::JsonObject;
use domain::lifecycle::Checkout;
use domain::onramp::{Onramp, OnrampVendor, VendorReport, VendorStatus};
use domain::order::{ChainId, Order, OrderKind, OrderStatus};
use domain::payment::{RefundStatus, RelayStatus, Transaction, TransactionKind};
use domain::payment_state::{PaymentState, covered_at};
use domain::record::CheckoutRecord;
use domain::text::Text;
use domain::time::Timestamp;
use serde::Serialize;

use super::Verbatim;
use super::redact::Redaction;

/// The most deposits that are listed. Lambda takes no response above 6 MB, and anybody may send dust to a deposit
/// address.
const MOST_DEPOSITS: usize = 5_000;

/// The most bytes that the listed deposits may take, should reporters name senders at length.
const MOST_BYTES_OF_DEPOSITS: usize = 4 * 1024 * 1024;

/// An order. Every key is always there; what is not known is `null`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderView<'a> {
    id: OrderId,
    #[serde(rename = "type")]
    kind: OrderKind,
    recipient_address: &'a str,
    global_address: &'a str,
    src_chain: ChainId,
    dst_chain: ChainId,
    src_token_address: &'a str,
    dst_token_address: &'a str,
    src_amount: Amount,
    status: OrderStatus,
    error_details: Option<Cow<'a, str>>,
    created_at: Timestamp,
    expired_at: Timestamp,
    filled_at: Option<Timestamp>,
    received_deposit_at: Option<Timestamp>,
    creator_address: Option<Cow<'a, str>>,
    partner_id: Option<Cow<'a, str>>,
    client_reference_id: Option<Cow<'a, str>>,
    onramp_metadata: Option<OnrampView<'a>>,
    /// The payment link, if the order names an onramp vendor.
    one_click_buy_url: Option<String>,
    /// Stripe's own id of a card payment.
    stripe_payment_intent_id: Option<&'a str>,
    settlement: Option<SettlementView<'a>>,
    /// What the service keeps; it keeps nothing.
    fee: Option<Amount>,
    payload: Option<PayloadView>,
    metadata: Option<Verbatim<'a>>,
    callback_metadata: Option<Verbatim<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnrampView<'a> {
    vendor: OnrampVendor,
    payment_method: Option<Cow<'a, str>>,
    country: Option<Cow<'a, str>>,
    redirect_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stripe_amount_in_cents: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SettlementView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_dst_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<Verbatim<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PayloadView {
    expected_dst_amount: Amount,
}

/// What `GET /orders/{orderId}` answers: an order with its transactions, each kind in the
/// order of their times.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderRecordView<'a> {
    order: OrderView<'a>,
    deposit_txs: Vec<TransactionView<'a>>,
    /// How many deposits there are, if not all of them are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    deposit_tx_count: Option<usize>,
    relay_txs: Vec<TransactionView<'a>>,
    execute_tx: Option<TransactionView<'a>>,
    refund_txs: Vec<TransactionView<'a>>,
    points: Option<Verbatim<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    card_payments: Vec<CardPaymentView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    onramp: Option<VendorReportView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<PaymentView>,
}

/// How far an order is paid. It is shown if the payment on the chain is not simply what was asked for: on its way to
/// finality, short, more, or too late. A page can then tell the payer what to do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PaymentView {
    /// What counts.
    received_amount: Amount,
    /// What was seen, and counts once it is final.
    pending_amount: Amount,
    /// What is missing, should all that is pending come to count.
    due_amount: Amount,
    /// What was paid beyond what was asked for.
    excess_amount: Amount,
    /// Whether it came after the session could be seen `expired`: the recipient gets it all the same.
    is_late: bool,
}

/// What an onramp vendor said last of a purchase.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VendorReportView<'a> {
    vendor: OnrampVendor,
    status: VendorStatus,
    reason: Option<&'a str>,
    updated_at: Timestamp,
}

impl<'a> VendorReportView<'a> {
    fn new(report: &'a VendorReport) -> Self {
        Self {
            vendor: report.vendor,
            status: report.status,
            reason: report.reason.as_ref().map(Text::as_str),
            updated_at: report.updated_at,
        }
    }
}

/// What Stripe says of a card payment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CardPaymentView<'a> {
    order_id: OrderId,
    provider: &'static str,
    payment_intent_id: &'a str,
    /// In hundredths of the currency.
    amount: u64,
    currency: &'a str,
    status: CardStatus,
    /// Whether it pays the order. `false` of one that came late or is not needed.
    counts: bool,
    refunded_amount: u64,
    is_disputed: bool,
    created_at: Timestamp,
}

impl<'a> CardPaymentView<'a> {
    fn new(order: OrderId, payment: &'a CardPayment) -> Self {
        Self {
            order_id: order,
            provider: "stripe",
            payment_intent_id: payment.intent.as_str(),
            amount: payment.amount,
            currency: payment.currency.as_str(),
            status: payment.status,
            counts: payment.standing == Some(Standing::Counts),
            refunded_amount: payment.refunded,
            is_disputed: payment.is_disputed,
            created_at: payment.paid_at.unwrap_or(payment.created_at),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TransactionView<'a> {
    order_id: OrderId,
    chain: ChainId,
    tx_hash: &'a str,
    #[serde(flatten)]
    details: DetailsView<'a>,
    created_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum DetailsView<'a> {
    Deposit { from: Option<Cow<'a, str>>, amount: Amount },
    Relay { status: RelayStatus },
    Execution {},
    Refund { amount: Amount, status: RefundStatus },
}

impl<'a> OrderView<'a> {
    /// Shows an order in a list, as `GET /orders/{orderId}` shows it; `None` if there is none.
    pub fn listed(record: &'a CheckoutRecord, base_url: &str, now: Timestamp) -> Option<Self> {
        Some(OrderRecordView::new(record, base_url, now)?.order)
    }

    /// The same for a caller who may be anybody: without what only merchant and payer need.
    #[must_use]
    pub fn in_public(self) -> Self {
        Self {
            client_reference_id: None,
            onramp_metadata: None,
            payload: None,
            metadata: None,
            callback_metadata: None,
            ..self
        }
    }

    /// What `POST /orders` answers: the order as it was made, whatever happened since. Its caller named the
    /// session, so the session's id is not hidden. `None` if the checkout has no order.
    pub fn created(checkout: &'a Checkout, base_url: &str) -> Option<Self> {
        let order = checkout.order.as_ref()?;
        let at_first =
            Checkout { expired_at: None, payment_state: PaymentState::default(), ..checkout.clone() };
        Some(Self {
            status: at_first.order_status(order, order.created_at),
            error_details: None,
            ..Self::new(checkout, order, &[], base_url, order.created_at, &Redaction::NONE)
        })
    }

    /// Shows an order as it stands.
    fn new(
        checkout: &'a Checkout,
        order: &'a Order,
        transactions: &'a [Transaction],
        base_url: &str,
        now: Timestamp,
        redaction: &Redaction,
    ) -> Self {
        let terms = &order.terms;
        let text = |text: &'a Text<255>| redaction.text(text.as_str());
        let json = |object: &'a JsonObject| Verbatim(redaction.json(object.as_str()));
        let execution = execution(transactions);
        let paid_by_card = shown_card(checkout)
            .filter(|payment| payment.standing == Some(Standing::Counts))
            .and_then(|payment| payment.paid_at);
        Self {
            id: order.id,
            kind: terms.kind,
            recipient_address: terms.recipient.as_str(),
            global_address: &order.deposit_address,
            src_chain: terms.src_chain,
            dst_chain: terms.dst_chain,
            src_token_address: terms.src_token.as_str(),
            dst_token_address: terms.dst_token.as_str(),
            src_amount: terms.src_amount,
            status: checkout.order_status(order, now),
            error_details: checkout
                .payment_state
                .any_failure()
                .map(|details| redaction.text(details.as_str())),
            created_at: order.created_at,
            expired_at: checkout.deadline,
            filled_at: execution.map(|transaction| transaction.created_at).or(paid_by_card),
            received_deposit_at: covered_at(order, transactions).or(paid_by_card),
            creator_address: terms.creator_address.as_ref().map(text),
            partner_id: terms.partner_id.as_ref().map(text),
            client_reference_id: terms
                .client_reference_id
                .as_ref()
                .map(|reference| redaction.text(reference.as_str())),
            onramp_metadata: terms.onramp.as_ref().map(|onramp| OnrampView::new(onramp, checkout, redaction)),
            one_click_buy_url: terms
                .onramp
                .as_ref()
                .filter(|onramp| onramp.needs_provider())
                .map(|_| format!("{base_url}/orders/{}/pay", order.id)),
            stripe_payment_intent_id: shown_card(checkout).map(|payment| payment.intent.as_str()),
            settlement: execution.and_then(|execution| SettlementView::new(execution, redaction)),
            fee: None,
            payload: Some(PayloadView { expected_dst_amount: terms.expected_dst_amount }),
            metadata: terms.metadata.as_ref().map(json),
            callback_metadata: terms.callback_metadata.as_ref().map(json),
        }
    }
}

impl<'a> OnrampView<'a> {
    /// A linked order's payer returns to where the session says, and nowhere else (docs/api.md,
    /// *Create an order*). That URL holds the session's id.
    fn new(onramp: &'a Onramp, checkout: &Checkout, redaction: &Redaction) -> Self {
        let redirect_url = match &checkout.session {
            Some(_) if redaction.is_active() => None,
            Some(session) => session.terms.success_url.as_ref().map(|url| url.resolve(session.id)),
            None => onramp.redirect_url.as_ref().map(|url| url.as_str().to_owned()),
        };
        Self {
            vendor: onramp.vendor,
            payment_method: onramp.payment_method.as_ref().map(|method| redaction.text(method.as_str())),
            country: onramp.country.as_ref().map(|country| redaction.text(country.as_str())),
            redirect_url,
            stripe_amount_in_cents: onramp.cents,
        }
    }
}

impl<'a> SettlementView<'a> {
    /// Returns what is known of how the recipient was paid; `None` if nothing is known.
    fn new(execution: &'a Transaction, redaction: &Redaction) -> Option<Self> {
        let TransactionKind::Execution { actual_dst_amount, relay, points: _ } = &execution.kind else {
            return None;
        };
        (actual_dst_amount.is_some() || relay.is_some()).then(|| Self {
            actual_dst_amount: *actual_dst_amount,
            relay: relay.as_ref().map(|relay| Verbatim(redaction.json(relay.as_str()))),
        })
    }
}

impl PaymentView {
    /// Returns `None` if nothing was paid, or exactly what was asked for and in time.
    fn new(checkout: &Checkout, order: &Order, totals: ChainTotals) -> Option<Self> {
        let asked = order.terms.src_amount;
        let received = checkout.payment_state.received;
        let seen = received.saturating_add(totals.pending());
        let was_not_paid_in_time = received >= asked && checkout.payment_state.paid_at.is_none();
        let is_late = totals.confirmed > totals.confirmed_in_time || was_not_paid_in_time;
        (seen > Amount::ZERO && (received != asked || seen != asked || is_late)).then(|| Self {
            received_amount: received,
            pending_amount: totals.pending(),
            due_amount: asked.saturating_sub(seen),
            excess_amount: seen.saturating_sub(asked),
            is_late,
        })
    }
}

impl<'a> OrderRecordView<'a> {
    /// Shows a checkout's order and its transactions as they stand, to a caller that has the order's id. The session's
    /// id is hidden. Returns `None` if the checkout has no order.
    pub fn new(record: &'a CheckoutRecord, base_url: &str, now: Timestamp) -> Option<Self> {
        let session = record.checkout.session.as_ref();
        let redaction = session.map_or(Redaction::NONE, |session| Redaction::of(session.id));
        Self::redacted(record, base_url, now, &redaction)
    }

    /// Shows the same to a caller that has the session's id.
    pub fn for_session(record: &'a CheckoutRecord, base_url: &str, now: Timestamp) -> Option<Self> {
        Self::redacted(record, base_url, now, &Redaction::NONE)
    }

    fn redacted(
        record: &'a CheckoutRecord,
        base_url: &str,
        now: Timestamp,
        redaction: &Redaction,
    ) -> Option<Self> {
        let CheckoutRecord { checkout, transactions, on_chain, vendor_report } = record;
        let order = checkout.order.as_ref()?;
        let mut view = Self {
            order: OrderView::new(checkout, order, transactions, base_url, now, redaction),
            deposit_txs: Vec::new(),
            deposit_tx_count: None,
            relay_txs: Vec::new(),
            execute_tx: None,
            refund_txs: Vec::new(),
            points: None,
            card_payments: checkout
                .payment_state
                .card_payments
                .iter()
                .map(|payment| CardPaymentView::new(order.id, payment))
                .collect(),
            onramp: vendor_report.as_ref().map(VendorReportView::new),
            payment: on_chain.and_then(|totals| PaymentView::new(checkout, order, totals)),
        };
        let mut sorted: Vec<&Transaction> = transactions.iter().collect();
        sorted.sort_unstable_by_key(|transaction| by_time(transaction));
        let (mut deposits, mut bytes_of_deposits) = (0, 0);
        for transaction in sorted {
            let shown = |details| TransactionView {
                order_id: order.id,
                chain: transaction.chain,
                tx_hash: transaction.hash.as_str(),
                details,
                created_at: transaction.created_at,
            };
            match &transaction.kind {
                TransactionKind::Deposit { from, amount }
                | TransactionKind::DepositLog { from, amount, .. } => {
                    deposits += 1;
                    bytes_of_deposits += most_bytes(transaction, from.as_ref());
                    let is_listed = deposits <= MOST_DEPOSITS && bytes_of_deposits <= MOST_BYTES_OF_DEPOSITS;
                    if is_listed {
                        view.deposit_txs.push(shown(DetailsView::Deposit {
                            from: from.as_ref().map(|from| redaction.text(from.as_str())),
                            amount: *amount,
                        }));
                    }
                }
                TransactionKind::Relay { status } => {
                    view.relay_txs.push(shown(DetailsView::Relay { status: *status }));
                }
                TransactionKind::Refund { amount, status } => {
                    view.refund_txs.push(shown(DetailsView::Refund { amount: *amount, status: *status }));
                }
                // The first one counts, should there ever be two.
                TransactionKind::Execution { .. } if view.execute_tx.is_some() => {}
                TransactionKind::Execution { points, .. } => {
                    view.points = points.as_ref().map(|points| Verbatim(Cow::Borrowed(points.as_str())));
                    view.execute_tx = Some(shown(DetailsView::Execution {}));
                }
            }
        }
        view.deposit_tx_count = (deposits > view.deposit_txs.len()).then_some(deposits);
        Some(view)
    }
}

/// The card payment that an order names: the one that pays it, or else the newest.
fn shown_card(checkout: &Checkout) -> Option<&CardPayment> {
    let payments = &checkout.payment_state.card_payments;
    let counting = payments.iter().find(|payment| payment.standing == Some(Standing::Counts));
    counting.or(payments.last())
}

/// How many bytes a deposit takes at most: names, amount, ids and times, its hash, and its sender with every character
/// escaped.
fn most_bytes(transaction: &Transaction, from: Option<&Text<255>>) -> usize {
    256 + transaction.hash.as_str().len() + from.map_or(0, |from| 6 * from.as_str().len())
}

/// The transaction that paid the recipient: the earliest, should there ever be two.
fn execution(transactions: &[Transaction]) -> Option<&Transaction> {
    transactions
        .iter()
        .filter(|transaction| matches!(transaction.kind, TransactionKind::Execution { .. }))
        .min_by_key(|transaction| by_time(transaction))
}

/// A total order of transactions of one kind, whatever order they were reported in.
fn by_time(transaction: &Transaction) -> (Timestamp, ChainId, &str) {
    (transaction.created_at, transaction.chain, transaction.hash.as_str())
}
