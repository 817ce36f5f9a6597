//! The body of `POST /orders`.

use api::{ApiError, Fields, integer, object, text};
use domain::amount::Amount;
use domain::id::SessionId;
use domain::json_object::JsonObject;
use domain::onramp::{Onramp, OnrampVendor};
use domain::order::{ChainId, OrderKind, OrderTerms};
use domain::pricing::{Choice, Offer};
use domain::redirect::RedirectUrl;
use domain::text::{OrderReference, Text};

/// The field that links an order to its session.
pub(crate) const SESSION: &str = "checkoutSessionId";
const PAYLOAD: &str = "payload";

/// What the payer asks for. What is missing is taken from the offer that the order accepts, if there is one.
pub(crate) fn order_terms(
    fields: &Fields<'_>,
    accepted: Option<&Accepted<'_>>,
) -> Result<OrderTerms, ApiError> {
    let chain = accepted.map(|accepted| accepted.offer.chain);
    let token = || accepted.map(|accepted| accepted.offer.token.clone());
    let amount = accepted.map(|accepted| accepted.amount);
    let recipient = accepted.map(|accepted| accepted.offer.recipient.clone());
    let kind = accepted.map(|_| OrderKind::Swap);
    let chain_id = |name| fields.optional(name, integer(ChainId::parse));
    let address = |name| fields.optional_address(name);
    let expected = "payload.expectedDstAmount";
    Ok(OrderTerms {
        kind: either(fields, "type", fields.optional("type", text(|kind| OrderKind::parse(&kind)))?, kind)?,
        recipient: either(fields, "recipientAddress", address("recipientAddress")?, recipient)?,
        src_chain: either(fields, "srcChain", chain_id("srcChain")?, chain)?,
        dst_chain: either(fields, "dstChain", chain_id("dstChain")?, chain)?,
        src_token: either(fields, "srcTokenAddress", address("srcTokenAddress")?, token())?,
        dst_token: either(fields, "dstTokenAddress", address("dstTokenAddress")?, token())?,
        src_amount: either(fields, "srcAmount", src_amount(fields)?, amount)?,
        expected_dst_amount: match expected_dst_amount(fields)? {
            None if fields.get(PAYLOAD).is_none() => either(fields, PAYLOAD, None, amount)?,
            given => either(fields, expected, given, amount)?,
        },
        metadata: fields.optional("metadata", JsonObject::parse)?,
        onramp: onramp(fields)?,
        creator_address: fields.optional_text("creatorAddress", Text::parse)?,
        partner_id: fields.optional_text("partnerId", Text::parse)?,
        callback_metadata: fields.optional("callbackMetadata", JsonObject::parse)?,
        client_reference_id: fields.optional_text("clientReferenceId", OrderReference::parse)?,
    })
}

/// What is given, or else what is offered. Refuses a request that lacks both.
fn either<T>(fields: &Fields<'_>, name: &str, given: Option<T>, offered: Option<T>) -> Result<T, ApiError> {
    given.or(offered).ok_or_else(|| fields.missing(name))
}

/// The offer that an order accepts, and the amount to pay.
pub(crate) struct Accepted<'a> {
    pub(crate) offer: &'a Offer,
    pub(crate) amount: Amount,
}

/// Returns whether an order leaves out a field that an offer can fill.
pub(crate) fn is_partial(fields: &Fields<'_>) -> bool {
    let names = [
        "type",
        "recipientAddress",
        "srcChain",
        "dstChain",
        "srcTokenAddress",
        "dstTokenAddress",
        "srcAmount",
        PAYLOAD,
    ];
    names.iter().any(|name| fields.get(name).is_none())
        || expected_dst_amount(fields).is_ok_and(|amount| amount.is_none())
}

/// What the order says of how a price is paid.
pub(crate) fn choice(fields: &Fields<'_>) -> Result<Choice, ApiError> {
    Ok(Choice {
        recipient: fields.optional_address("recipientAddress")?,
        chain: fields.optional("srcChain", integer(ChainId::parse))?,
        token: fields.optional_address("srcTokenAddress")?,
        amount: src_amount(fields)?,
    })
}

fn src_amount(fields: &Fields<'_>) -> Result<Option<Amount>, ApiError> {
    fields.optional("srcAmount", text(|amount| Amount::parse_positive(&amount)))
}

/// Returns the session to link to: `checkoutSessionId`, or else `callbackMetadata.checkoutSessionId` if that is a UUID.
pub(crate) fn session(fields: &Fields<'_>) -> Result<Option<SessionId>, ApiError> {
    if let Some(named) = fields.get(SESSION) {
        let id: Option<String> = serde_json::from_str(named.get()).ok();
        return match id.as_deref().and_then(SessionId::parse) {
            Some(session) => Ok(Some(session)),
            None => Err(ApiError::session_not_found(SESSION)),
        };
    }
    let Some(callback) = fields.get("callbackMetadata") else {
        return Ok(None);
    };
    let within = Fields::within(callback, "callbackMetadata.")?.get(SESSION);
    let id: Option<String> = within.and_then(|named| serde_json::from_str(named.get()).ok());
    Ok(id.as_deref().and_then(SessionId::parse))
}

fn expected_dst_amount(fields: &Fields<'_>) -> Result<Option<Amount>, ApiError> {
    let Some(payload) = fields.optional(PAYLOAD, |value| object(value).map(ToOwned::to_owned))? else {
        return Ok(None);
    };
    Fields::within(&payload, "payload.")?.optional("expectedDstAmount", text(|amount| Amount::parse(&amount)))
}

fn onramp(fields: &Fields<'_>) -> Result<Option<Onramp>, ApiError> {
    let Some(onramp) = fields.get("onramp") else {
        return Ok(None);
    };
    let onramp = Fields::within(onramp, "onramp.")?;
    let payment_method = match onramp.optional_text("paymentMethod", Text::parse)? {
        Some(payment_method) => Some(payment_method),
        None => onramp.optional_text("payment_method", Text::parse)?,
    };
    Ok(Some(Onramp {
        vendor: onramp.required_text("vendor", |vendor| OnrampVendor::parse(&vendor))?,
        payment_method,
        country: onramp.optional_text("country", Text::parse)?,
        redirect_url: onramp.optional_text("redirectUrl", RedirectUrl::parse)?,
        cents: None,
    }))
}
