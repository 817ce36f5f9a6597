//! The body of `POST /orders`.

use api::{ApiError, Fields, integer, object, text};
use domain::amount::Amount;
use domain::id::SessionId;
use domain::json_object::JsonObject;
use domain::onramp::{Onramp, OnrampVendor};
use domain::order::{ChainId, OrderKind, OrderTerms};
use domain::redirect::RedirectUrl;
use domain::text::{OrderReference, Text};

/// The field that links an order to its session.
pub(crate) const SESSION: &str = "checkoutSessionId";

/// What the payer asks for.
pub(crate) fn order_terms(fields: &Fields<'_>) -> Result<OrderTerms, ApiError> {
    Ok(OrderTerms {
        kind: fields.required("type", text(|kind| OrderKind::parse(&kind)))?,
        recipient: fields.required_address("recipientAddress")?,
        src_chain: fields.required("srcChain", integer(ChainId::parse))?,
        dst_chain: fields.required("dstChain", integer(ChainId::parse))?,
        src_token: fields.required_address("srcTokenAddress")?,
        dst_token: fields.required_address("dstTokenAddress")?,
        src_amount: fields.required("srcAmount", text(|amount| Amount::parse_positive(&amount)))?,
        expected_dst_amount: expected_dst_amount(fields)?,
        metadata: fields.optional("metadata", JsonObject::parse)?,
        onramp: onramp(fields)?,
        creator_address: fields.optional_text("creatorAddress", Text::parse)?,
        partner_id: fields.optional_text("partnerId", Text::parse)?,
        callback_metadata: fields.optional("callbackMetadata", JsonObject::parse)?,
        client_reference_id: fields.optional_text("clientReferenceId", OrderReference::parse)?,
    })
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

fn expected_dst_amount(fields: &Fields<'_>) -> Result<Amount, ApiError> {
    let payload = fields.required("payload", |value| object(value).map(ToOwned::to_owned))?;
    Fields::within(&payload, "payload.")?.required("expectedDstAmount", text(|amount| Amount::parse(&amount)))
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
    }))
}
