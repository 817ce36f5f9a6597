//! Which orders this service settles.

use api::{ApiError, ErrorCode};
use domain::chain_config::{Chains, Inadmissible, check_recipient, check_token};
use domain::deposit_address::ForwarderFactory;
use domain::invalid::Invalid;
use domain::onramp::OnrampVendor;
use domain::onramps::{OnrampRefusal, Onramps};
use domain::order::OrderTerms;

/// Returns whether the order's deposits are looked for on its chain. Refuses an order whose money would be lost, and
/// one that this service cannot settle.
pub(crate) fn check(
    terms: &OrderTerms,
    chains: &Chains,
    onramps: &Onramps,
    factory: &ForwarderFactory,
) -> Result<bool, ApiError> {
    check_token(&terms.src_token).map_err(|invalid| refuse("srcTokenAddress", &invalid))?;
    check_token(&terms.dst_token).map_err(|invalid| refuse("dstTokenAddress", &invalid))?;
    check_route(terms, chains)?;
    let (chain, token, recipient) = (terms.src_chain, &terms.src_token, &terms.recipient);
    let unlisted = |field, allowed: &Invalid| ApiError::invalid(ErrorCode::UnsupportedRoute, field, allowed);
    check_recipient(recipient, token, factory).map_err(|invalid| refuse("recipientAddress", &invalid))?;
    let is_watched = chains.admit(chain, token, recipient).map_err(|inadmissible| match inadmissible {
        Inadmissible::Chain(allowed) => unlisted("srcChain", &allowed),
        Inadmissible::Token(allowed) => unlisted("srcTokenAddress", &allowed),
        Inadmissible::Recipient(allowed) => refuse("recipientAddress", &allowed),
    })?;
    check_amounts(terms)?;
    check_onramp(terms, chains, onramps)?;
    Ok(is_watched)
}

/// Returns the order with what a card is charged for it, if it is to be paid by card.
pub(crate) fn with_charge(mut terms: OrderTerms, chains: &Chains, onramps: &Onramps) -> OrderTerms {
    let vendor = terms.onramp.as_ref().map(|onramp| onramp.vendor);
    let asset = vendor
        .filter(|vendor| *vendor == OnrampVendor::StripeWeb2)
        .and_then(|vendor| onramps.asset(vendor, &terms, chains));
    let charge = asset.and_then(|asset| asset.charge(terms.src_amount));
    if let Some(onramp) = &mut terms.onramp {
        onramp.cents = charge.map(|charge| charge.cents);
    }
    terms
}

/// Refuses a route that needs a relay provider: none is configured.
fn check_route(terms: &OrderTerms, chains: &Chains) -> Result<(), ApiError> {
    if terms.is_settled_here() {
        return Ok(());
    }
    let (field, source) = if terms.src_chain == terms.dst_chain {
        ("dstTokenAddress", "srcTokenAddress")
    } else {
        ("dstChain", "srcChain")
    };
    let mut message = format!(
        "{field} must be the same as {source}: only orders whose source and destination are the same token on the \
         same chain are settled here"
    );
    let configured = chains.describe();
    if !configured.is_empty() {
        message = format!("{message}. {configured}");
    }
    Err(ApiError::new(ErrorCode::UnsupportedRoute, message).about(field))
}

/// Refuses an order whose recipient expects more than the payer deposits: the service adds nothing.
fn check_amounts(terms: &OrderTerms) -> Result<(), ApiError> {
    if terms.expected_dst_amount > terms.src_amount {
        let allowed = Invalid::expected("at most srcAmount: source and destination are the same token");
        return Err(refuse("payload.expectedDstAmount", &allowed));
    }
    Ok(())
}

/// Refuses an order that its onramp vendor could not pay. No vendor is asked.
fn check_onramp(terms: &OrderTerms, chains: &Chains, onramps: &Onramps) -> Result<(), ApiError> {
    let Some(onramp) = terms.onramp.as_ref().filter(|onramp| onramp.needs_provider()) else {
        return Ok(());
    };
    match onramps.admit(onramp.vendor, terms, chains) {
        Ok(_) => Ok(()),
        Err(OnrampRefusal::NotConfigured) => Err(ApiError::new(
            ErrorCode::OnrampNotConfigured,
            "No provider is configured for this onramp vendor; `none` is a crypto order",
        )
        .about("onramp.vendor")),
        Err(OnrampRefusal::NotSold(allowed)) => Err(refuse("onramp.vendor", &allowed)),
        Err(OnrampRefusal::AnyRecipient(allowed)) => Err(refuse("recipientAddress", &allowed)),
        Err(OnrampRefusal::Amount(allowed)) => Err(refuse("srcAmount", &allowed)),
    }
}

fn refuse(field: &'static str, allowed: &Invalid) -> ApiError {
    ApiError::invalid(ErrorCode::InvalidFieldValue, field, allowed)
}
