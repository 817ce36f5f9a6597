//! What a vendor is asked for.

use std::net::IpAddr;

use domain::id::OrderId;
use domain::onramp::Onramp;
use domain::onramps::Asset;

/// What a payer is to buy.
#[derive(Debug)]
pub struct Purchase<'a> {
    /// The order that is paid. It is the vendor's reference.
    pub order: OrderId,
    /// The order's deposit address.
    pub address: &'a str,
    /// What is bought.
    pub asset: &'a Asset,
    /// How much of it, in decimals.
    pub amount: String,
    /// What the order says of the payer.
    pub onramp: &'a Onramp,
    /// Where the payer returns to.
    pub return_url: Option<String>,
    /// The payer's network address, if it is a public one.
    pub payer: Option<IpAddr>,
}

impl Purchase<'_> {
    /// Returns the return URL, if a vendor takes one of its length.
    pub(crate) fn return_url_within(&self, longest: usize) -> Option<&str> {
        self.return_url.as_deref().filter(|url| url.len() <= longest)
    }

    /// Returns the payer's country: two letters, in capitals.
    pub(crate) fn country(&self) -> Option<String> {
        let country = self.onramp.country.as_ref()?.as_str();
        let is_code = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
        is_code.then(|| country.to_ascii_uppercase())
    }

    /// Returns whether the payer wants to pay with a card.
    pub(crate) fn is_by_card(&self) -> bool {
        let method = self.onramp.payment_method.as_ref();
        method.is_some_and(|method| method.as_str().eq_ignore_ascii_case("card"))
    }
}
