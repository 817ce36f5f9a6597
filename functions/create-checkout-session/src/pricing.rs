//! `pricing`: what is to be paid, and to whom (docs/api.md, *Priced sessions*).

use api::{ApiError, ErrorCode, Fields, integer, text};
use domain::address::EvmAddress;
use domain::amount::Amount;
use domain::chain_config::{Chains, Inadmissible, check_recipient, check_token};
use domain::deposit_address::ForwarderFactory;
use domain::invalid::Invalid;
use domain::order::ChainId;
use domain::pricing::{Currency, MAX_OFFERS, Offer, Price, PriceMode, Pricing};
use serde_json::value::RawValue;

const PREFIX: &str = "pricing.";
const FIELDS: [&str; 5] = ["mode", "recipient_address", "accepts", "amount", "currency"];
const OFFER_FIELDS: [&str; 6] =
    ["chain_id", "token_address", "amount", "recipient_address", "max_amount", "suggested_amount"];

/// By which prices are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PriceRules<'a> {
    /// Where payments are looked for.
    pub(crate) chains: &'a Chains,
    /// What no recipient may be.
    pub(crate) factory: &'a ForwarderFactory,
}

/// Reads `pricing`.
pub(crate) fn pricing(value: &RawValue, rules: PriceRules<'_>) -> Result<Pricing, ApiError> {
    let fields = Fields::within(value, PREFIX)?;
    fields.only(&FIELDS)?;
    let mode = fields.optional("mode", text(|mode| PriceMode::parse(&mode)))?.unwrap_or(PriceMode::Exact);
    let recipient = fields.optional_address("recipient_address")?;
    let offers = match fields.optional_array("accepts", 1..=MAX_OFFERS)? {
        Some(accepts) => {
            for name in ["amount", "currency"] {
                if fields.get(name).is_some() {
                    return Err(refused(fields.param(name), "absent if `accepts` is given"));
                }
            }
            listed(accepts, mode, recipient.as_ref(), rules)?
        }
        None => expanded(&fields, mode, recipient.as_ref(), rules)?,
    };
    Ok(Pricing { mode, offers })
}

/// The offers of the long form.
fn listed(
    accepts: Vec<(String, &RawValue)>,
    mode: PriceMode,
    recipient: Option<&EvmAddress>,
    rules: PriceRules<'_>,
) -> Result<Vec<Offer>, ApiError> {
    let mut offers: Vec<Offer> = Vec::with_capacity(accepts.len());
    for (place, value) in accepts {
        let fields = Fields::within(value, place)?;
        fields.only(&OFFER_FIELDS)?;
        let chain = fields.required("chain_id", integer(ChainId::parse))?;
        // Before the recipient, which may follow from the chain.
        rules
            .chains
            .admit_chain(chain)
            .map_err(|refusal| inadmissible(refusal, |field| fields.param(field)))?;
        let token = fields.required_address("token_address")?;
        let least = fields.required("amount", text(|amount| Amount::parse_positive(&amount)))?;
        let own = fields.optional_address("recipient_address")?;
        let recipient = own
            .as_ref()
            .or(recipient)
            .or_else(|| rules.chains.only_recipient(chain))
            .cloned()
            .ok_or_else(|| fields.missing("recipient_address"))?;
        let (most, suggested) = bounds(&fields, mode, least)?;
        let offer = Offer { chain, token, recipient, least, most, suggested };
        admit(&offer, rules, |field| fields.param(field))?;
        if offers.iter().any(|other| other.key() == offer.key()) {
            let param = fields.param("token_address");
            return Err(refused(param, "another one: an earlier offer has this chain and token"));
        }
        offers.push(offer);
    }
    Ok(offers)
}

/// The largest amount and the suggested one.
fn bounds(fields: &Fields<'_>, mode: PriceMode, least: Amount) -> Result<(Amount, Option<Amount>), ApiError> {
    let amount = |name| fields.optional(name, text(|amount| Amount::parse_positive(&amount)));
    let (most, suggested) = (amount("max_amount")?, amount("suggested_amount")?);
    if mode == PriceMode::Exact {
        let given = [("max_amount", most), ("suggested_amount", suggested)];
        return match given.into_iter().find(|(_, amount)| amount.is_some()) {
            Some((name, _)) => Err(refused(fields.param(name), "absent unless `mode` is `at_least`")),
            None => Ok((least, None)),
        };
    }
    let most = most.unwrap_or(Amount::MAX);
    if most < least {
        return Err(refused(fields.param("max_amount"), "at least `amount`"));
    }
    if suggested.is_some_and(|suggested| !(least..=most).contains(&suggested)) {
        return Err(refused(fields.param("suggested_amount"), "from `amount` to `max_amount`"));
    }
    Ok((most, suggested))
}

/// The offers of the short form: every configured token of the currency, on every configured chain.
fn expanded(
    fields: &Fields<'_>,
    mode: PriceMode,
    recipient: Option<&EvmAddress>,
    rules: PriceRules<'_>,
) -> Result<Vec<Offer>, ApiError> {
    if fields.get("amount").is_none() && fields.get("currency").is_none() {
        return Err(fields.missing("accepts"));
    }
    let price = fields.required("amount", text(|amount| Price::parse(&amount)))?;
    let currency = fields.required("currency", text(|code| Currency::parse(&code)))?;
    let mut offers = Vec::new();
    for (chain, token, decimals) in rules.chains.tokens_of(&currency).take(MAX_OFFERS) {
        let least = price.in_smallest_unit(decimals).map_err(|invalid| {
            ApiError::invalid(ErrorCode::InvalidFieldValue, fields.param("amount"), &invalid)
        })?;
        let recipient = recipient
            .or_else(|| rules.chains.only_recipient(chain))
            .cloned()
            .ok_or_else(|| fields.missing("recipient_address"))?;
        let most = if mode == PriceMode::Exact { least } else { Amount::MAX };
        let offer = Offer { chain, token: token.clone(), recipient, least, most, suggested: None };
        admit(&offer, rules, |field| {
            fields.param(if field == "recipient_address" { field } else { "currency" })
        })?;
        offers.push(offer);
    }
    if offers.is_empty() {
        let expected = "a currency that a configured token stands for";
        return Err(refused(fields.param("currency"), expected));
    }
    Ok(offers)
}

/// Refuses an offer whose payment would be lost or could not be settled.
fn admit(offer: &Offer, rules: PriceRules<'_>, param: impl Fn(&str) -> String) -> Result<(), ApiError> {
    let Offer { chain, token, recipient, .. } = offer;
    let invalid =
        |field, allowed: &Invalid| ApiError::invalid(ErrorCode::InvalidFieldValue, param(field), allowed);
    check_token(token).map_err(|allowed| invalid("token_address", &allowed))?;
    check_recipient(recipient, token, rules.factory)
        .map_err(|allowed| invalid("recipient_address", &allowed))?;
    match rules.chains.admit(*chain, token, recipient) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(inadmissible(refusal, param)),
    }
}

fn inadmissible(refusal: Inadmissible, param: impl Fn(&str) -> String) -> ApiError {
    let (code, field, allowed) = match refusal {
        Inadmissible::Chain(allowed) => (ErrorCode::UnsupportedRoute, "chain_id", allowed),
        Inadmissible::Token(allowed) => (ErrorCode::UnsupportedRoute, "token_address", allowed),
        Inadmissible::Recipient(allowed) => (ErrorCode::InvalidFieldValue, "recipient_address", allowed),
    };
    ApiError::invalid(code, param(field), &allowed)
}

fn refused(param: String, expected: &'static str) -> ApiError {
    ApiError::invalid(ErrorCode::InvalidFieldValue, param, &Invalid::expected(expected))
}
