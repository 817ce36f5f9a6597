//! Onramp vendors: they sell a payer the crypto that an order asks for.
//!
//! A vendor is asked when a payer clicks, for what is due then, and pays to the order's own deposit address. What a vendor
//! says decides nothing about an order: the chain does. Secrets, URLs and a payer's address are in no error and no log.

mod cdp_key;
mod coinbase;
mod error;
pub mod hook0_signature;
mod moonpay;
mod purchase;
mod stripe;
mod stripe_onramp;
pub mod stripe_signature;
mod vendor_page;
mod vendors;
pub mod webhook;

pub use cdp_key::CdpKey;
pub use coinbase::{Coinbase, CoinbaseSecret};
pub use error::{OnrampError, is_word};
pub use moonpay::{MoonPay, MoonPaySecret};
pub use purchase::Purchase;
pub use stripe::VERSION as STRIPE_VERSION;
pub use stripe::{
    CheckoutLook, CheckoutTerms, OpenedCheckout, Stripe, StripeError, StripeSecret, named_order,
};
pub use stripe_onramp::{StripeOnramp, VERSION as STRIPE_ONRAMP_VERSION};
pub use vendors::{Vendor, Vendors};
