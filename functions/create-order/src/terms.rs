//! Which orders this service settles.

use api::{ApiError, ErrorCode};
use domain::address::EvmAddress;
use domain::chain_config::{Chains, Inadmissible, check_recipient};
use domain::deposit_address::ForwarderFactory;
use domain::invalid::Invalid;
use domain::onramp::Onramp;
use domain::order::OrderTerms;

/// Returns whether the order's deposits are looked for on its chain. Refuses an order whose money would be lost, and
/// one that this service cannot settle.
pub(crate) fn check(
    terms: &OrderTerms,
    chains: &Chains,
    factory: &ForwarderFactory,
) -> Result<bool, ApiError> {
    check_token("srcTokenAddress", &terms.src_token)?;
    check_token("dstTokenAddress", &terms.dst_token)?;
    check_route(terms, chains)?;
    check_recipient(terms, factory).map_err(|invalid| refuse("recipientAddress", &invalid))?;
    let is_watched = chains.admit(terms).map_err(|inadmissible| match inadmissible {
        Inadmissible::Route { field, allowed } => {
            ApiError::invalid(ErrorCode::UnsupportedRoute, field, &allowed)
        }
        Inadmissible::Recipient(allowed) => refuse("recipientAddress", &allowed),
    })?;
    check_amounts(terms)?;
    check_onramp(terms)?;
    Ok(is_watched)
}

/// Refuses the address that other tools use for native money: no contract stands there, and what is paid in it is
/// never seen.
fn check_token(field: &'static str, token: &EvmAddress) -> Result<(), ApiError> {
    if token.is_native_alias() {
        let allowed = Invalid::expected(
            "a token's contract, or the zero address for the chain's native token; 0xEeee…EEeE is no contract",
        );
        return Err(refuse(field, &allowed));
    }
    Ok(())
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

/// Refuses what would need a provider that this service does not have.
fn check_onramp(terms: &OrderTerms) -> Result<(), ApiError> {
    if terms.onramp.as_ref().is_some_and(Onramp::needs_provider) {
        return Err(ApiError::new(
            ErrorCode::OnrampNotConfigured,
            "No provider is configured for this onramp vendor; `none` is a crypto order",
        )
        .about("onramp.vendor"));
    }
    Ok(())
}

fn refuse(field: &'static str, allowed: &Invalid) -> ApiError {
    ApiError::invalid(ErrorCode::InvalidFieldValue, field, allowed)
}
