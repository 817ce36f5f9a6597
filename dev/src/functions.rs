//! The six functions in one process.

use aws_config::SdkConfig;
use checkout::api::{Clock, Event, Response, SigningSecrets, serve};
use checkout::chain_config::Chains;
use checkout::config::Retention;
use checkout::deposit_address::ForwarderFactory;
use checkout::store::Store;
use create_checkout_session::CreateCheckoutSession;
use create_order::CreateOrder;
use expire_checkout_session::ExpireCheckoutSession;
use get_checkout_session::GetCheckoutSession;
use get_order::GetOrder;
use record_order_event::RecordOrderEvent;

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
    /// Where deposits are looked for.
    pub chains: Chains,
    /// How long a session without an order is kept.
    pub retention: Retention,
}

/// Every function of the template, under its name.
#[derive(Debug)]
pub struct Functions {
    create_checkout_session: CreateCheckoutSession,
    get_checkout_session: GetCheckoutSession,
    expire_checkout_session: ExpireCheckoutSession,
    create_order: CreateOrder,
    get_order: GetOrder,
    record_order_event: RecordOrderEvent,
}

impl Functions {
    /// Starts every function.
    pub fn new(environment: Environment) -> Self {
        let Environment { aws, table, clock, secrets, factory, chains, retention } = environment;
        // Each has a client of its own, as each function has when it is deployed.
        let store = || Store::new(&aws, table.clone());
        let clock = || clock.clone();
        Self {
            create_checkout_session: CreateCheckoutSession { store: store(), clock: clock(), retention },
            get_checkout_session: GetCheckoutSession { store: store(), clock: clock() },
            expire_checkout_session: ExpireCheckoutSession { store: store(), clock: clock() },
            create_order: CreateOrder { store: store(), clock: clock(), factory, chains, retention },
            get_order: GetOrder { store: store(), clock: clock() },
            record_order_event: RecordOrderEvent { store: store(), clock: clock(), secrets },
        }
    }

    /// Hands an event to a function; `None` where there is none of that name.
    pub async fn invoke(&self, function: &str, event: Event) -> Option<Response> {
        // Boxed, or each caller would carry the largest of six futures.
        Some(match function {
            "create-checkout-session" => Box::pin(serve(&self.create_checkout_session, event)).await,
            "get-checkout-session" => Box::pin(serve(&self.get_checkout_session, event)).await,
            "expire-checkout-session" => Box::pin(serve(&self.expire_checkout_session, event)).await,
            "create-order" => Box::pin(serve(&self.create_order, event)).await,
            "get-order" => Box::pin(serve(&self.get_order, event)).await,
            "record-order-event" => Box::pin(serve(&self.record_order_event, event)).await,
            _ => return None,
        })
    }
}
