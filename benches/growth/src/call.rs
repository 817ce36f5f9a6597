//! The calls that are measured.

use anyhow::Result;
use serde_json::{Value, json};

use crate::cost::Cost;
use crate::event;
use crate::service::{Service, id_of};

/// A call, and what it finds.
#[derive(Debug, Clone, Copy)]
pub enum Call {
    /// Opens a session.
    Open,
    /// The same with an idempotency key.
    OpenWithKey,
    /// Reads an open session.
    Read,
    /// Reads a session with its order.
    ReadWithOrder,
    /// Links an order to a session.
    Link,
    /// The same with an idempotency key.
    LinkWithKey,
    /// Makes an order by itself.
    MakeOrder,
    /// Calls a session off.
    Expire,
    /// Reads an order with a deposit.
    ReadOrder,
    /// Reports an order's first deposit.
    Deposit,
    /// The same with an idempotency key.
    DepositWithKey,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 11] = [
        Self::Open,
        Self::OpenWithKey,
        Self::Read,
        Self::ReadWithOrder,
        Self::Link,
        Self::LinkWithKey,
        Self::MakeOrder,
        Self::Expire,
        Self::ReadOrder,
        Self::Deposit,
        Self::DepositWithKey,
    ];

    /// How a report names it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Open => "POST /checkout-sessions",
            Self::OpenWithKey => "POST /checkout-sessions, with a key",
            Self::Read => "GET /checkout-sessions/{id}",
            Self::ReadWithOrder => "GET /checkout-sessions/{id}?include=order",
            Self::Link => "POST /orders, linked",
            Self::LinkWithKey => "POST /orders, linked, with a key",
            Self::MakeOrder => "POST /orders, alone",
            Self::Expire => "POST /checkout-sessions/{id}/expire",
            Self::ReadOrder => "GET /orders/{id}",
            Self::Deposit => "POST /orders/{id}/events",
            Self::DepositWithKey => "POST /orders/{id}/events, with a key",
        }
    }

    /// Makes the call about an open session, and whatever must come before it. `number` is not the same twice.
    pub async fn make(self, service: &Service, session: &str, number: u64) -> Result<Cost> {
        let with_key = |event| event::with_key(event, number);
        match self {
            Self::Open => service.invoke("create-checkout-session", event::open_session()?).await,
            Self::OpenWithKey => {
                service.invoke("create-checkout-session", with_key(event::open_session()?)).await
            }
            Self::Read => {
                let mut event = event::read_session(session)?;
                set(&mut event, "rawQueryString", json!(""));
                service.invoke("get-checkout-session", event).await
            }
            Self::ReadWithOrder => {
                linked(service, session).await?;
                service.invoke("get-checkout-session", event::read_session(session)?).await
            }
            Self::Link => service.invoke("create-order", event::make_order(Some(session))?).await,
            Self::LinkWithKey => {
                service.invoke("create-order", with_key(event::make_order(Some(session))?)).await
            }
            Self::MakeOrder => service.invoke("create-order", event::make_order(None)?).await,
            Self::Expire => service.invoke("expire-checkout-session", event::expire_session(session)?).await,
            Self::ReadOrder => {
                let order = linked(service, session).await?;
                deposit(service, &order, number).await?;
                read_order(service, &order).await
            }
            Self::Deposit => {
                let order = linked(service, session).await?;
                deposit(service, &order, number).await
            }
            Self::DepositWithKey => {
                let order = linked(service, session).await?;
                service.invoke("record-order-event", with_key(event::deposit(&order, number)?)).await
            }
        }
    }
}

/// The id of a new session, open for as long as there can be: a run may take longer than half an hour.
pub async fn session(service: &Service) -> Result<String> {
    let mut event = event::open_session()?;
    set(
        &mut event,
        "body",
        json!(json!({ "expires_in": 86_400, "metadata": { "cart": "1042" } }).to_string()),
    );
    id_of(&service.invoke("create-checkout-session", event).await?)
}

/// The id of a new order, linked to a session.
pub async fn linked(service: &Service, session: &str) -> Result<String> {
    id_of(&service.invoke("create-order", event::make_order(Some(session))?).await?)
}

/// Reports the deposit of this number.
pub async fn deposit(service: &Service, order: &str, number: u64) -> Result<Cost> {
    service.invoke("record-order-event", event::deposit(order, number)?).await
}

/// Reads an order.
pub async fn read_order(service: &Service, order: &str) -> Result<Cost> {
    service.invoke("get-order", event::read_order(order)?).await
}

fn set(event: &mut Value, name: &str, value: Value) {
    if let Some(event) = event.as_object_mut() {
        event.insert(name.to_owned(), value);
    }
}
