//! `GET` and `POST /orders/{orderId}/pay`: the payment link of an order (docs/onramps.md). It sends a payer to the vendor
//! that the order names, for what is due then.
//!
//! A payment at the vendor is created for this visit. What a vendor or a visitor does here changes nothing of an order.

mod finding;
mod page;
pub mod settings;
mod texts;
mod visitor;

use std::time::Duration;

use api::{Event, LambdaResponse, Request};
use cards::{CardError, Cards, Opening, PayerUrls};
use domain::amount::Amount;
use domain::chain_config::Chains;
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::onramp::{Onramp, OnrampVendor};
use domain::onramps::{Asset, Onramps};
use domain::order::Order;
use domain::payment_link::LinkState;
use domain::record::CheckoutRecord;
use domain::session::SessionStatus;
use lambda_http::tracing;
use onramp::{OnrampError, Purchase, StripeError, Vendor, Vendors};
use runtime::{Clock, DependencyError};
use store::Store;
use tokio::join;
use tokio::time::timeout;

use crate::finding::{Finding, Payment};
use crate::visitor::{Visitor, payer};

/// How long a visit may take. The function ends two seconds later, and a payer would then see no page at all.
const LONGEST_VISIT: Duration = Duration::from_secs(13);
/// The longest address that Stripe takes, in bytes. Template variables can make a session's longer.
const LONGEST_STRIPE_URL: usize = 5_000;
/// How often an order's link can be opened within an hour.
const MOST_VISITS: u32 = 50;

/// The operation, with what it stands on.
#[derive(Debug)]
pub struct PayOrder {
    /// Where orders are kept.
    pub store: Store,
    /// By which deadlines are judged.
    pub clock: Clock,
    /// The tokens that can be paid with.
    pub chains: Chains,
    /// The vendors that are offered.
    pub onramps: Onramps,
    /// Those that sell crypto, to be called.
    pub vendors: Vendors,
    /// Card payments, if they are offered.
    pub cards: Option<Cards>,
    /// The service's URL, if it is not API Gateway's.
    pub public_url: Option<String>,
    /// The header that names the payer's address, if a proxy is before API Gateway.
    pub client_ip_header: Option<String>,
}

/// An order that a vendor can be paid for.
struct Payable<'a> {
    checkout: &'a Checkout,
    order: &'a Order,
    onramp: &'a Onramp,
    asset: Asset,
    seller: Seller<'a>,
}

/// By whom the payer is charged.
#[derive(Clone, Copy)]
enum Seller<'a> {
    /// A vendor that sends crypto.
    Vendor(&'a Vendor),
    /// The merchant itself, by card.
    Cards(&'a Cards),
}

impl Seller<'_> {
    fn name(self) -> &'static str {
        match self {
            Self::Vendor(vendor) => vendor.name(),
            Self::Cards(_) => "Stripe",
        }
    }

    /// How long a payment takes at least.
    const fn needed_time(self) -> Duration {
        match self {
            Self::Vendor(vendor) => vendor.needed_time(),
            Self::Cards(_) => Duration::from_mins(1),
        }
    }
}

impl PayOrder {
    /// Responds with a page or a redirect. Nothing that a visitor can send leads to an error.
    pub async fn respond(&self, event: Event) -> LambdaResponse {
        let request = Request::from(event);
        let finding = match Visitor::of(&request) {
            Visitor::Prefetch => Finding::Prefetched,
            Visitor::Script => Finding::NotANavigation,
            visitor @ (Visitor::Person | Visitor::Unknown) => {
                let visit = Box::pin(self.visit(&request, visitor == Visitor::Person));
                match timeout(LONGEST_VISIT, visit).await {
                    Ok(Ok(finding)) => finding,
                    Ok(Err(error)) => broken(&request, &error),
                    Err(_) => {
                        tracing::warn!(request_id = request.id(), "a visit of a payment link took too long");
                        Finding::Busy
                    }
                }
            }
        };
        page::response(&request, &finding)
    }

    async fn visit(&self, request: &Request, is_person: bool) -> Result<Finding, DependencyError> {
        let Some(id) = OrderId::parse(request.path_parameter("orderId")) else {
            return Ok(Finding::NotFound);
        };
        let now = self.clock.now();
        let (record, may_visit) = if is_person {
            let (record, counted) =
                join!(self.store.read_record(id), self.store.count_visit(id, MOST_VISITS, now));
            (record?, counted?)
        } else {
            (self.store.read_record(id).await?, true)
        };
        if let Some(finding) = self.judge(request, id, record.as_ref(), (is_person, may_visit)).await? {
            return Ok(finding);
        }
        // A payment became known meanwhile, or the page had ended.
        let record = self.store.read_record(id).await?;
        let finding = self.judge(request, id, record.as_ref(), (is_person, may_visit)).await?;
        Ok(finding.unwrap_or(Finding::Busy))
    }

    /// Returns what a visitor of an order finds; `None` if the order has to be read again.
    async fn judge(
        &self,
        request: &Request,
        id: OrderId,
        record: Option<&CheckoutRecord>,
        (is_person, may_visit): (bool, bool),
    ) -> Result<Option<Finding>, DependencyError> {
        let now = self.clock.now();
        let Some((record, order, onramp)) = record.and_then(with_onramp) else {
            return Ok(Some(Finding::NotFound));
        };
        let Some(payable) = self.payable(&record.checkout, order, onramp) else {
            return Ok(Some(self.judge_without_vendor(record, onramp, is_person && may_visit)));
        };
        let state = LinkState::of(record, order, payable.seller.needed_time(), now);
        let payment = |due| self.payment(&payable, due);
        Ok(Some(match state {
            LinkState::Complete => Finding::Complete(Some(payment(None))),
            LinkState::Confirming => Finding::Confirming(Some(payment(None))),
            LinkState::Expired => Finding::Expired(Some(payment(None))),
            LinkState::TooLate(due) => Finding::TooLate(payment(Some(due))),
            LinkState::Due(due) if !is_person => Finding::Offered(payment(Some(due))),
            LinkState::Due(due) if !may_visit => Finding::TooOften(payment(Some(due))),
            LinkState::Due(due) => {
                let payment = payment(Some(due));
                let vendor = match payable.seller {
                    Seller::Vendor(vendor) => vendor,
                    Seller::Cards(cards) => {
                        return self.charge(request, cards, &payable, record, due, payment).await;
                    }
                };
                let purchase = Purchase {
                    order: id,
                    address: &order.deposit_address,
                    asset: &payable.asset,
                    amount: due.in_decimals(payable.asset.decimals),
                    onramp,
                    return_url: return_url(&payable),
                    payer: payer(request, self.client_ip_header.as_deref()),
                };
                match vendor.open(&purchase, now).await {
                    Ok(url) => Finding::Sold(url),
                    Err(error) => failed(id, vendor.name(), &error, payment),
                }
            }
        }))
    }

    /// Returns what a visitor of an order finds whose vendor was set up when the order was created, and is no more.
    fn judge_without_vendor(&self, record: &CheckoutRecord, onramp: &Onramp, is_counted: bool) -> Finding {
        match record.checkout.session_status(self.clock.now()) {
            SessionStatus::Complete => Finding::Complete(None),
            SessionStatus::Processing => Finding::Confirming(None),
            SessionStatus::Expired => Finding::Expired(None),
            SessionStatus::Open => {
                // A program can open a link without end, and each line is an alarm.
                if is_counted {
                    let order = record.checkout.order.as_ref().map(|order| order.id.to_string());
                    tracing::error!(order, vendor = %onramp.vendor, "the vendor of an open order is not set up any more");
                }
                Finding::NotSetUp(None)
            }
        }
    }

    /// Sends a payer to Stripe's page.
    async fn charge(
        &self,
        request: &Request,
        cards: &Cards,
        payable: &Payable<'_>,
        record: &CheckoutRecord,
        due: Amount,
        payment: Payment,
    ) -> Result<Option<Finding>, DependencyError> {
        let id = payable.order.id;
        // A part that is not final may be replaced, and the card would have been charged too little.
        if record.on_chain.as_ref().is_some_and(|totals| totals.pending() > Amount::ZERO) {
            return Ok(Some(Finding::Confirming(Some(Payment { due: None, ..payment }))));
        }
        let Some(charge) = payable.asset.charge(due) else {
            return Ok(Some(Finding::Refused(payment)));
        };
        let base_url = request.base_url(self.public_url.as_deref());
        let fits = |url: &String| url.len() <= LONGEST_STRIPE_URL;
        let urls = PayerUrls {
            success: return_url(payable)
                .filter(fits)
                .unwrap_or_else(|| format!("{base_url}/orders/{id}/pay")),
            cancel: cancel_url(payable).filter(fits),
        };
        let deadline = payable.checkout.deadline;
        Ok(match cards.open(id, (due, &charge), deadline, &urls).await {
            Ok(Opening::Page(url)) => Some(Finding::Sold(url)),
            Ok(Opening::Changed) => None,
            Err(CardError::Store(error)) => return Err(error),
            Err(CardError::Stripe(StripeError::Vendor(error))) => Some(failed(id, "Stripe", &error, payment)),
            Err(CardError::TooOften) => Some(Finding::TooOften(payment)),
            Err(
                error @ (CardError::Busy
                | CardError::TooSlow
                | CardError::Stripe(
                    StripeError::InUse | StripeError::Unknown | StripeError::Failed(_),
                )),
            ) => {
                let error = OnrampError::Unavailable(error.to_string());
                Some(failed(id, "Stripe", &error, payment))
            }
        })
    }

    fn payable<'a>(
        &'a self,
        checkout: &'a Checkout,
        order: &'a Order,
        onramp: &'a Onramp,
    ) -> Option<Payable<'a>> {
        let asset = self.onramps.admit(onramp.vendor, &order.terms, &self.chains).ok()?;
        let seller = match onramp.vendor {
            OnrampVendor::StripeWeb2 => Seller::Cards(self.cards.as_ref()?),
            OnrampVendor::Coinbase | OnrampVendor::Moonpay | OnrampVendor::Stripe | OnrampVendor::None => {
                Seller::Vendor(self.vendors.get(onramp.vendor)?)
            }
        };
        Some(Payable { checkout, order, onramp, asset, seller })
    }

    /// Returns what a page shows of a payment.
    fn payment(&self, payable: &Payable<'_>, due: Option<Amount>) -> Payment {
        let Payable { checkout, order, onramp, asset, seller } = payable;
        let chain = self.chains.get(order.terms.src_chain).and_then(|chain| chain.name.clone());
        Payment {
            vendor: seller.name(),
            is_card: matches!(seller, Seller::Cards(_)),
            due: due.map(|due| due.in_decimals(asset.decimals)),
            symbol: asset.symbol.clone(),
            chain: chain.unwrap_or_else(|| order.terms.src_chain.as_u64().to_string()),
            address: order.deposit_address.clone(),
            deadline: checkout.deadline,
            // A session's own URL holds its id, which an order's id must not reveal.
            back: onramp
                .redirect_url
                .as_ref()
                .filter(|_| checkout.session.is_none())
                .map(|url| url.as_str().to_owned()),
        }
    }
}

fn with_onramp(record: &CheckoutRecord) -> Option<(&CheckoutRecord, &Order, &Onramp)> {
    let order = record.checkout.order.as_ref()?;
    let onramp = order.terms.onramp.as_ref().filter(|onramp| onramp.needs_provider())?;
    Some((record, order, onramp))
}

/// Where the vendor sends the payer back to (docs/api.md, *Create an order*).
fn return_url(payable: &Payable<'_>) -> Option<String> {
    match &payable.checkout.session {
        Some(session) => session.terms.success_url.as_ref().map(|url| url.resolve(session.id)),
        None => payable.onramp.redirect_url.as_ref().map(|url| url.as_str().to_owned()),
    }
}

/// Where Stripe sends a payer back to that has not paid.
fn cancel_url(payable: &Payable<'_>) -> Option<String> {
    let session = payable.checkout.session.as_ref()?;
    session.terms.cancel_url.as_ref().map(|url| url.resolve(session.id))
}

/// Writes down why a vendor opened no payment. A refusal may be about the payer, whose affair it is.
fn failed(order: OrderId, vendor: &str, error: &OnrampError, payment: Payment) -> Finding {
    match error {
        OnrampError::Refused(_) => {
            tracing::warn!(%order, vendor, cause = %error, "an onramp vendor refused a payment");
            Finding::Refused(payment)
        }
        OnrampError::Unavailable(_) => {
            tracing::warn!(%order, vendor, cause = %error, "an onramp vendor did not respond");
            Finding::Unavailable(payment)
        }
        OnrampError::Misconfigured(_) => {
            tracing::error!(%order, vendor, cause = %error, "an onramp vendor cannot be used");
            Finding::NotSetUp(Some(payment))
        }
    }
}

fn broken(request: &Request, error: &DependencyError) -> Finding {
    let request_id = request.id();
    match error {
        DependencyError::Unavailable(_) | DependencyError::Contended(_) => {
            tracing::warn!(request_id, cause = %error, "request could not be served for now");
            Finding::Busy
        }
        DependencyError::Broken(_) => {
            tracing::error!(request_id, cause = %error, "request failed with internal error");
            Finding::Broken
        }
    }
}
