//! `GET` and `POST /orders/{orderId}/pay`: the payment link of an order (docs/onramps.md). It sends a payer to the vendor
//! that the order names, for what is due then.
//!
//! A payment at the vendor is created for this visit. What a vendor or a visitor does here changes nothing of an order.

mod finding;
mod page;
pub mod settings;
mod texts;
mod visitor;

use api::{Event, LambdaResponse, Request};
use domain::chain_config::Chains;
use domain::id::OrderId;
use domain::lifecycle::Checkout;
use domain::onramp::Onramp;
use domain::onramps::{Asset, Onramps};
use domain::order::Order;
use domain::payment_link::LinkState;
use domain::record::CheckoutRecord;
use lambda_http::tracing;
use onramp::{OnrampError, Purchase, Vendor, Vendors};
use runtime::{Clock, DependencyError};
use store::Store;
use tokio::join;

use crate::finding::{Finding, Payment};
use crate::visitor::{Visitor, payer};

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
    /// The same, to be called.
    pub vendors: Vendors,
    /// The header that names the payer's address, if a proxy is before API Gateway.
    pub client_ip_header: Option<String>,
}

/// An order that a vendor can be paid for.
struct Payable<'a> {
    checkout: &'a Checkout,
    order: &'a Order,
    onramp: &'a Onramp,
    asset: Asset,
    vendor: &'a Vendor,
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
                visit.await.unwrap_or_else(|error| broken(&request, &error))
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
        let Some((record, order, onramp)) = record.as_ref().and_then(with_onramp) else {
            return Ok(Finding::NotFound);
        };
        let Some(payable) = self.payable(&record.checkout, order, onramp) else {
            // It was when the order was created.
            tracing::error!(order = %id, vendor = %onramp.vendor, "the vendor of an open order is not set up any more");
            return Ok(Finding::NotSetUp(None));
        };
        let state = LinkState::of(record, order, payable.vendor.needed_time(), now);
        let payment = |due| self.payment(&payable, due);
        Ok(match state {
            LinkState::Complete => Finding::Complete(payment(None)),
            LinkState::Confirming => Finding::Confirming(payment(None)),
            LinkState::Expired => Finding::Expired(payment(None)),
            LinkState::TooLate(due) => Finding::TooLate(payment(Some(due))),
            LinkState::Due(due) if !is_person => Finding::Offered(payment(Some(due))),
            LinkState::Due(due) if !may_visit => Finding::TooOften(payment(Some(due))),
            LinkState::Due(due) => {
                let payment = payment(Some(due));
                let purchase = Purchase {
                    order: id,
                    address: &order.deposit_address,
                    asset: &payable.asset,
                    amount: due.in_decimals(payable.asset.decimals),
                    onramp,
                    return_url: return_url(&payable),
                    payer: payer(request, self.client_ip_header.as_deref()),
                };
                match payable.vendor.open(&purchase, now).await {
                    Ok(url) => Finding::Sold(url),
                    Err(error) => failed(id, payable.vendor, &error, payment),
                }
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
        let vendor = self.vendors.get(onramp.vendor)?;
        Some(Payable { checkout, order, onramp, asset, vendor })
    }

    /// Returns what a page shows of a payment.
    fn payment(&self, payable: &Payable<'_>, due: Option<domain::amount::Amount>) -> Payment {
        let Payable { checkout, order, onramp, asset, vendor } = payable;
        let chain = self.chains.get(order.terms.src_chain).and_then(|chain| chain.name.clone());
        Payment {
            vendor: vendor.name(),
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

/// Writes down why a vendor opened no payment. A refusal may be about the payer, whose affair it is.
fn failed(order: OrderId, vendor: &Vendor, error: &OnrampError, payment: Payment) -> Finding {
    let vendor = vendor.name();
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
