//! Linking an order to its session: one conditional write to the session's own item.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::id::{OrderId, SessionId};
use domain::idempotency_key::IdempotencyKey;
use domain::lifecycle::{Checkout, LinkRefusal};
use domain::order::{Order, OrderTerms};
use domain::pricing::{PaddedAmount, offer_key, pays_in_full};
use domain::session::SessionStatus;
use domain::time::Timestamp;
use runtime::DependencyError;

use super::Store;
use super::chain::watch_attributes;
use super::client::{ATTEMPT_TIMEOUT, once_within};
use super::idempotency::{Found, incomplete};
use super::item::{self, CHECKOUT_SORT_KEY, CheckoutItem, Item, number, partition, string, to_attribute};
use super::list::OrderListing;
use super::retry::{AttemptError, classify, until_settled};
use super::transact::Committed;
use super::write_id::WriteId;

/// There is a session, it is open for long enough that no fast clock has seen it expire,
/// and its one place for an order is free: [`Checkout::link`], as DynamoDB says it. Without an
/// order nothing can have been paid.
const CAN_LINK: &str = "attribute_exists(pk) AND attribute_not_exists(expired_at) AND deadline > :fastest \
    AND attribute_not_exists(#order)";

/// Nor has the session a price that this order does not pay: its recipient, token and amount are those of an offer.
/// `#offer` names the chain and token of the order. It is the one attribute name that comes from a client; as the value of
/// a placeholder, it is never read as part of the expression.
const PAYS_THE_PRICE: &str = " AND (attribute_not_exists(#session.merchant.pricing) OR (\
    #session.merchant.pricing.offers.#offer.recipient = :recipient \
    AND #session.merchant.pricing.offers.#offer.least <= :amount \
    AND #session.merchant.pricing.offers.#offer.most >= :amount))";

/// The same of an order whose recipient gets another token or less than what is paid: it pays no price.
const THERE_IS_NO_PRICE: &str = " AND attribute_not_exists(#session.merchant.pricing)";

/// The outcome of linking an order.
#[derive(Debug)]
pub enum Linking {
    /// It is linked now.
    Linked(Box<Checkout>),
    /// An earlier call with the same key and request linked it.
    Replayed(Box<Checkout>),
    /// An earlier call used the key for another request.
    KeyReused,
    /// There is no such session.
    NoSession,
    /// The session is not open, or is about to expire.
    NotOpen(SessionStatus),
    /// The session is open and has this order.
    AlreadyLinked(OrderId),
    /// The session is open and free, but the order does not pay its price: this field differs first.
    TermsMismatch(&'static str),
}

impl Store {
    /// Links `order` to `session`, whose [derived id](SessionId::order) it bears.
    ///
    /// `clock` is read again at each attempt: an order that met another writer and succeeds after the deadline is too
    /// late.
    pub async fn link_order(
        &self,
        session: SessionId,
        order: &Order,
        clock: impl Fn() -> Timestamp + Sync,
        key: Option<&IdempotencyKey>,
    ) -> Result<Linking, DependencyError> {
        let (attribute, write) = (to_attribute(order)?, WriteId::random());
        let was_tried = AtomicBool::new(false);
        until_settled(|| async {
            let was_tried = was_tried.swap(true, Ordering::Relaxed);
            let link = Link { session, order, attribute: attribute.clone(), now: clock(), write, was_tried };
            match key {
                None => self.try_link(&link).await,
                Some(key) => self.try_link_once(&link, key).await,
            }
        })
        .await
    }

    async fn try_link(&self, link: &Link<'_>) -> Result<Linking, AttemptError> {
        let result = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", link.partition())
            .key("sk", string(CHECKOUT_SORT_KEY))
            .update_expression(link.expression())
            .condition_expression(link.condition())
            .set_expression_attribute_names(Some(link.names()))
            .set_expression_attribute_values(Some(link.values()?))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            .config_override(once_within(ATTEMPT_TIMEOUT))
            .send()
            .await;
        match result {
            Ok(done) => {
                let item: CheckoutItem = item::from_item(done.attributes.unwrap_or_default())?;
                Ok(Linking::Linked(Box::new(item.into())))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(link.refused(refusal.item().cloned())?)
                }
                Some(_) | None => Err(classify(error).or_contended()),
            },
        }
    }

    /// Links and remembers the key in one transaction. A transaction returns nothing, so
    /// the session is read beside it: what the answer needs of it never changes.
    async fn try_link_once(&self, link: &Link<'_>, key: &IdempotencyKey) -> Result<Linking, AttemptError> {
        let update = Update::builder()
            .table_name(&self.table)
            .key("pk", link.partition())
            .key("sk", string(CHECKOUT_SORT_KEY))
            .update_expression(link.expression())
            .condition_expression(link.condition())
            .set_expression_attribute_names(Some(link.names()))
            .set_expression_attribute_values(Some(link.values()?))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(incomplete)?;
        let subject = link.session.order();
        let items = vec![
            self.remember(key, link.write, subject, None, link.now)?,
            TransactWriteItem::builder().update(update).build(),
        ];
        let (committed, beside) =
            tokio::join!(self.transact_once(ATTEMPT_TIMEOUT, items), self.read_checkout(subject));
        let mut refusals = match committed? {
            Committed::Yes => return link.linked(beside?),
            Committed::Refused(refusals) => refusals,
        };
        if let Some(record) = refusals.take(0).and_then(|refusal| refusal.stored) {
            return match Found::read(key, record, link.write)? {
                Found::OwnWrite(_) => link.linked(beside?),
                Found::KeyReused => Ok(Linking::KeyReused),
                Found::Replay(record) => Ok(Linking::Replayed(self.subject_of(&record).await?)),
            };
        }
        Ok(link.refused(refusals.take(1).and_then(|refusal| refusal.stored))?)
    }
}

/// One attempt to link.
struct Link<'a> {
    session: SessionId,
    order: &'a Order,
    /// The order as it is stored.
    attribute: AttributeValue,
    now: Timestamp,
    write: WriteId,
    /// An earlier attempt of the same call failed, and may still be under way.
    was_tried: bool,
}

impl Link<'_> {
    fn partition(&self) -> AttributeValue {
        string(partition(self.session.order()))
    }

    /// Puts the order into its place, and among those that are watched or listed. A session with an order is a financial
    /// record, which TTL must never remove.
    fn expression(&self) -> String {
        let mut expression = "SET #order = :order, order_write = :write".to_owned();
        if self.order.is_watched {
            expression +=
                ", watch_shard = :watch_shard, watch_order = :watch_order, watch_address = :watch_address";
        }
        if self.order.terms.creator_address.is_some() {
            expression += ", list_creator = :list_creator, order_at = :order_at";
        }
        expression + " REMOVE #ttl"
    }

    fn condition(&self) -> String {
        let of_the_price = if self.may_pay_a_price() { PAYS_THE_PRICE } else { THERE_IS_NO_PRICE };
        format!("{CAN_LINK}{of_the_price}")
    }

    fn may_pay_a_price(&self) -> bool {
        pays_in_full(&self.order.terms)
    }

    /// The attribute names of the expression and its condition.
    fn names(&self) -> HashMap<String, String> {
        let mut names = HashMap::from([
            ("#order".to_owned(), "order".to_owned()),
            ("#session".to_owned(), "session".to_owned()),
            ("#ttl".to_owned(), "ttl".to_owned()),
        ]);
        if self.may_pay_a_price() {
            let OrderTerms { src_chain, src_token, .. } = &self.order.terms;
            names.insert("#offer".to_owned(), offer_key(*src_chain, src_token));
        }
        names
    }

    /// The values of the expression and its condition.
    fn values(&self) -> Result<Item, DependencyError> {
        let mut values = Item::from([
            (":order".to_owned(), self.attribute.clone()),
            (":write".to_owned(), to_attribute(&self.write)?),
            (":fastest".to_owned(), number(self.now.on_the_fastest_clock().as_millis())),
        ]);
        if self.may_pay_a_price() {
            let OrderTerms { recipient, src_amount, .. } = &self.order.terms;
            values.insert(":recipient".to_owned(), string(recipient.to_lower_case()));
            values.insert(":amount".to_owned(), string(PaddedAmount(*src_amount).to_string()));
        }
        if self.order.is_watched {
            let watch = watch_attributes(self.order);
            values.insert(":watch_shard".to_owned(), string(watch.shard));
            values.insert(":watch_order".to_owned(), string(watch.order));
            values.insert(":watch_address".to_owned(), string(watch.address));
        }
        if let Some(listing) = OrderListing::of(self.order) {
            values.insert(":list_creator".to_owned(), string(listing.creator));
            values.insert(":order_at".to_owned(), string(listing.at.as_str()));
        }
        Ok(values)
    }

    /// The checkout with our order, from a session that was read beside the write and may
    /// not show it yet.
    fn linked(&self, beside: Option<Checkout>) -> Result<Linking, AttemptError> {
        let Some(session) = beside else {
            return Err(DependencyError::Broken("a linked session is gone".to_owned()).into());
        };
        Ok(Linking::Linked(Box::new(Checkout { order: Some(self.order.clone()), ..session })))
    }

    /// Returns why the order could not be linked, by what the table holds. The domain gives the reason. If it gives none,
    /// the condition and the code disagree.
    fn refused(&self, stored: Option<Item>) -> Result<Linking, DependencyError> {
        let Some(stored) = stored else {
            return Ok(Linking::NoSession);
        };
        let item: CheckoutItem = item::from_item(stored)?;
        let is_own_write = item.order_write == Some(self.write);
        let checkout = Checkout::from(item);
        if is_own_write {
            return Ok(Linking::Linked(Box::new(checkout)));
        }
        let refusal = checkout.link(self.order, self.now);
        // A price never changes: it refused the earlier attempts, too.
        if let Err(LinkRefusal::TermsMismatch(field)) = refusal {
            return Ok(Linking::TermsMismatch(field));
        }
        // What refuses this attempt is the clock alone. It would not refuse the earlier one, should that
        // arrive after all: nobody may be told yet that there is no order.
        if self.was_tried && checkout.order.is_none() && checkout.expired_at.is_none() {
            return Err(DependencyError::Unavailable("too late for another attempt".to_owned()));
        }
        match refusal {
            Err(LinkRefusal::NotOpen(status)) => Ok(Linking::NotOpen(status)),
            Err(LinkRefusal::AlreadyLinked(order)) => Ok(Linking::AlreadyLinked(order)),
            // Not `expired`: nobody may be told so as long as a slower clock still lets an order link.
            Err(LinkRefusal::AboutToExpire) => Ok(Linking::NotOpen(SessionStatus::Open)),
            Ok(_) | Err(LinkRefusal::TermsMismatch(_)) => {
                Err(DependencyError::Broken("a free place for an order was not given".to_owned()))
            }
        }
    }
}
