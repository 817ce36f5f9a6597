//! Every function of the template in one process.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;

use api::{Endpoint, Event, LambdaResponse, serve};
use aws_config::SdkConfig;
use cards::{Cards, LateMoney};
use checkout_page::brand::Brand;
use checkout_page::{CheckoutPage, PageConfiguration};
use create_checkout_session::CreateCheckoutSession;
use create_order::CreateOrder;
use domain::chain_config::Chains;
use domain::deposit_address::ForwarderFactory;
use domain::onramp::OnrampVendor;
use domain::onramps::Onramps;
use domain::redirect::RedirectSchemes;
use domain::retention::Retention;
use expire_checkout_session::ExpireCheckoutSession;
use get_checkout_session::GetCheckoutSession;
use get_order::GetOrder;
use list_checkout_sessions::ListCheckoutSessions;
use list_orders::ListOrders;
use onramp::{Stripe, Vendors};
use pay_order::PayOrder;
use record_coinbase_event::RecordCoinbaseEvent;
use record_order_event::RecordOrderEvent;
use record_stripe_event::RecordStripeEvent;
use runtime::{Clock, SigningSecrets};
use store::{KeyRing, Store};

/// What the functions stand on: as deployed, their environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// How DynamoDB is reached.
    pub aws: SdkConfig,
    /// The table.
    pub table: String,
    /// The clock that all functions share here.
    pub clock: Clock,
    /// What events are signed with.
    pub secrets: SigningSecrets,
    /// What places deposit addresses.
    pub factory: ForwarderFactory,
    /// The configured chains.
    pub chains: Chains,
    /// How long a session without an order, and an unpaid order without a session, are kept.
    pub retention: Retention,
    /// Whether creating a session, or an order that belongs to none, needs an API key.
    pub requires_key: bool,
    /// Whether callers without an API key may list the orders of a wallet.
    pub public_orders: bool,
    /// The schemes that redirects may have beside `http` and `https`.
    pub schemes: RedirectSchemes,
    /// The onramp vendors that payers may buy from.
    pub onramps: Onramps,
    /// The same, to be called.
    pub vendors: Vendors,
    /// What signs Coinbase's webhooks.
    pub coinbase_webhooks: Vec<String>,
    /// The merchant's Stripe account, if cards are taken.
    pub stripe: Option<Stripe>,
    /// What signs Stripe's webhooks, if it sells crypto and no cards are taken.
    pub stripe_webhooks: Vec<String>,
    /// The header that names the payer's address, as a proxy before API Gateway sets it.
    pub client_ip_header: Option<String>,
    /// Whether the chains are local ones: then the checkout page hides real wallets.
    pub is_local: bool,
}

impl Environment {
    /// What a function cannot do without, and the template's defaults for the rest: no chain, no vendor, no key needed.
    pub fn with_defaults(
        aws: SdkConfig,
        table: &str,
        clock: Clock,
        secrets: SigningSecrets,
        factory: ForwarderFactory,
    ) -> Self {
        Self {
            aws,
            table: table.to_owned(),
            clock,
            secrets,
            factory,
            chains: Chains::default(),
            retention: Retention::DEFAULT,
            requires_key: false,
            public_orders: false,
            schemes: RedirectSchemes::default(),
            onramps: Onramps::default(),
            vendors: Vendors::default(),
            coinbase_webhooks: Vec::new(),
            stripe: None,
            stripe_webhooks: Vec::new(),
            client_ip_header: None,
            is_local: false,
        }
    }
}

/// The functions that serve HTTP, by the name of their folder.
pub struct Functions(BTreeMap<&'static str, Function>);

struct Function {
    settings: &'static [&'static str],
    endpoint: Box<dyn Invoke>,
}

impl Functions {
    /// Starts every function.
    #[expect(clippy::too_many_lines, reason = "one entry for each function")]
    pub fn new(environment: Environment) -> Self {
        let Environment {
            aws,
            table,
            clock,
            secrets,
            factory,
            chains,
            retention,
            requires_key,
            public_orders,
            schemes,
            onramps,
            vendors,
            coinbase_webhooks,
            stripe,
            stripe_webhooks,
            client_ip_header,
            is_local,
        } = environment;
        let page = PageConfiguration::new(&Brand::default(), &chains, &schemes, &onramps, is_local);
        // Each function has a client of its own, as it has when it is deployed.
        let store = || Store::new(&aws, table.clone());
        let clock = || clock.clone();
        let keys = || KeyRing::new(store(), clock());
        let cards = || {
            let late_money = LateMoney::Refund;
            stripe.clone().map(|stripe| Cards { store: store(), stripe, clock: clock(), late_money })
        };
        let sells_crypto = onramps.contains(OnrampVendor::Stripe);
        let of_cards = stripe.as_ref().map(|stripe| stripe.webhook_secrets().to_vec());
        let stripe_webhooks = of_cards.or_else(|| sells_crypto.then_some(stripe_webhooks));
        let (chains_of_links, onramps_of_links) = (chains.clone(), onramps.clone());
        Self(BTreeMap::from([
            page_function("checkout-page", checkout_page::SETTINGS, Page(CheckoutPage::new(&page))),
            page_function(
                "pay-order",
                pay_order::settings::SETTINGS,
                Link(PayOrder {
                    store: store(),
                    clock: clock(),
                    chains: chains_of_links,
                    onramps: onramps_of_links,
                    vendors,
                    cards: cards(),
                    public_url: None,
                    client_ip_header,
                }),
            ),
            function(
                "create-checkout-session",
                create_checkout_session::SETTINGS,
                CreateCheckoutSession {
                    store: store(),
                    keys: keys(),
                    requires_key,
                    clock: clock(),
                    chains: chains.clone(),
                    factory,
                    public_url: None,
                    schemes,
                    retention,
                },
            ),
            function(
                "create-order",
                create_order::SETTINGS,
                CreateOrder {
                    store: store(),
                    keys: keys(),
                    requires_key,
                    clock: clock(),
                    factory,
                    chains,
                    onramps,
                    retention,
                    public_url: None,
                },
            ),
            function(
                "expire-checkout-session",
                expire_checkout_session::SETTINGS,
                ExpireCheckoutSession { store: store(), keys: keys(), clock: clock(), public_url: None },
            ),
            function(
                "get-checkout-session",
                get_checkout_session::SETTINGS,
                GetCheckoutSession { store: store(), keys: keys(), clock: clock(), public_url: None },
            ),
            function(
                "get-order",
                get_order::SETTINGS,
                GetOrder { store: store(), keys: keys(), clock: clock(), public_url: None },
            ),
            function(
                "list-checkout-sessions",
                list_checkout_sessions::SETTINGS,
                ListCheckoutSessions { store: store(), keys: keys(), clock: clock(), public_url: None },
            ),
            function(
                "list-orders",
                list_orders::SETTINGS,
                ListOrders {
                    store: store(),
                    keys: keys(),
                    clock: clock(),
                    is_public: public_orders,
                    public_url: None,
                },
            ),
            function(
                "record-coinbase-event",
                record_coinbase_event::SETTINGS,
                RecordCoinbaseEvent { store: store(), secrets: coinbase_webhooks, clock: clock() },
            ),
            function(
                "record-stripe-event",
                cards::settings::SETTINGS,
                RecordStripeEvent {
                    store: store(),
                    secrets: stripe_webhooks,
                    cards: cards(),
                    sells_crypto,
                    clock: clock(),
                },
            ),
            function(
                "record-order-event",
                record_order_event::SETTINGS,
                RecordOrderEvent { store: store(), clock: clock(), secrets, public_url: None },
            ),
        ]))
    }

    /// Hands an event to a function; `None` if there is none of that name.
    pub async fn invoke(&self, function: &str, event: Event) -> Option<LambdaResponse> {
        Some(self.0.get(function)?.endpoint.invoke(event).await)
    }

    /// Returns each function's name and the settings that it declares.
    pub fn settings(&self) -> BTreeMap<&'static str, &'static [&'static str]> {
        self.0.iter().map(|(name, function)| (*name, function.settings)).collect()
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn function(
    name: &'static str,
    settings: &'static [&'static str],
    endpoint: impl Endpoint + 'static,
) -> (&'static str, Function) {
    (name, Function { settings, endpoint: Box::new(endpoint) })
}

fn page_function(
    name: &'static str,
    settings: &'static [&'static str],
    page: impl Invoke + 'static,
) -> (&'static str, Function) {
    (name, Function { settings, endpoint: Box::new(page) })
}

/// [`serve`] for any endpoint behind a pointer.
trait Invoke: Send + Sync {
    fn invoke(&self, event: Event) -> Pin<Box<dyn Future<Output = LambdaResponse> + Send + '_>>;
}

impl<E: Endpoint> Invoke for E {
    fn invoke(&self, event: Event) -> Pin<Box<dyn Future<Output = LambdaResponse> + Send + '_>> {
        Box::pin(serve(self, event))
    }
}

/// The checkout page, which answers in HTML.
struct Page(CheckoutPage);

/// Payment links, which answer in HTML or redirect.
struct Link(PayOrder);

impl Invoke for Link {
    fn invoke(&self, event: Event) -> Pin<Box<dyn Future<Output = LambdaResponse> + Send + '_>> {
        Box::pin(self.0.respond(event))
    }
}

impl Invoke for Page {
    fn invoke(&self, event: Event) -> Pin<Box<dyn Future<Output = LambdaResponse> + Send + '_>> {
        Box::pin(std::future::ready(self.0.respond(event)))
    }
}
