//! What the functions are asked, and what must exist before they can be: sessions, orders and deposits, made by the
//! functions themselves.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cold_start::event;
use crate::cold_start::instance::{Instance, Surroundings};
use crate::cold_start::program::Binaries;

/// A call of one of the functions, on its way to success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A session is opened.
    OpenSession,
    /// The same with an idempotency key.
    OpenSessionWithKey,
    /// A session is read that has no order.
    ReadOpenSession,
    /// A session is read with its order, which has so many deposits.
    ReadSession(u32),
    /// A session is called off that has no order.
    ExpireSession,
    /// A session is called off that has an order.
    ExpireLinkedSession,
    /// An order is made for a session.
    LinkOrder,
    /// The same with an idempotency key.
    LinkOrderWithKey,
    /// An order is made by itself.
    MakeOrder,
    /// An order is read that has so many deposits.
    ReadOrder(u32),
    /// A deposit to an order is reported.
    RecordDeposit,
    /// The same with an idempotency key.
    RecordDepositWithKey,
}

impl Call {
    /// All of which the units are of interest.
    pub const ALL: [Self; 14] = [
        Self::OpenSession,
        Self::OpenSessionWithKey,
        Self::ReadOpenSession,
        Self::ReadSession(0),
        Self::ReadSession(10),
        Self::ExpireSession,
        Self::ExpireLinkedSession,
        Self::MakeOrder,
        Self::LinkOrder,
        Self::LinkOrderWithKey,
        Self::ReadOrder(0),
        Self::ReadOrder(10),
        Self::RecordDeposit,
        Self::RecordDepositWithKey,
    ];

    /// The one by which its function is timed: the commonest.
    pub const TIMED: [Self; 6] = [
        Self::OpenSession,
        Self::ReadSession(1),
        Self::ExpireSession,
        Self::LinkOrder,
        Self::ReadOrder(1),
        Self::RecordDeposit,
    ];

    /// The function that is called.
    pub const fn function(self) -> &'static str {
        match self {
            Self::OpenSession | Self::OpenSessionWithKey => "create-checkout-session",
            Self::ReadOpenSession | Self::ReadSession(_) => "get-checkout-session",
            Self::ExpireSession | Self::ExpireLinkedSession => "expire-checkout-session",
            Self::MakeOrder | Self::LinkOrder | Self::LinkOrderWithKey => "create-order",
            Self::ReadOrder(_) => "get-order",
            Self::RecordDeposit | Self::RecordDepositWithKey => "record-order-event",
        }
    }

    /// What its function says to every success, and no other does: some of them would answer the events of others, too.
    pub const fn message(self) -> &'static str {
        match self {
            Self::OpenSession | Self::OpenSessionWithKey => "Checkout session created",
            Self::ReadOpenSession | Self::ReadSession(_) => "Checkout session retrieved",
            Self::ExpireSession | Self::ExpireLinkedSession => "Checkout session expired",
            Self::MakeOrder | Self::LinkOrder | Self::LinkOrderWithKey => "Created order successfully",
            Self::ReadOrder(_) => "Get order and transactions successfully",
            Self::RecordDeposit | Self::RecordDepositWithKey => "Order event recorded",
        }
    }

    /// The call in words.
    pub fn description(self) -> String {
        let deposits = |count: u32| match count {
            0 => "without deposits".to_owned(),
            1 => "with a deposit".to_owned(),
            _ => format!("with {count} deposits"),
        };
        match self {
            Self::OpenSession => "open a session".to_owned(),
            Self::OpenSessionWithKey => "open a session, with a key".to_owned(),
            Self::ReadOpenSession => "read a session without an order".to_owned(),
            Self::ReadSession(count) => format!("read a session and its order {}", deposits(count)),
            Self::ExpireSession => "expire a session without an order".to_owned(),
            Self::ExpireLinkedSession => "expire a session with an order".to_owned(),
            Self::MakeOrder => "make an order".to_owned(),
            Self::LinkOrder => "make an order for a session".to_owned(),
            Self::LinkOrderWithKey => "make an order for a session, with a key".to_owned(),
            Self::ReadOrder(count) => format!("read an order {}", deposits(count)),
            Self::RecordDeposit => "record a deposit".to_owned(),
            Self::RecordDepositWithKey => "record a deposit, with a key".to_owned(),
        }
    }

    /// Whether it changes nothing, so that the same event can be handed out again.
    const fn reads(self) -> bool {
        matches!(self, Self::ReadOpenSession | Self::ReadSession(_) | Self::ReadOrder(_))
    }
}

/// Instances that make what other calls need.
pub struct Stage {
    sessions: Instance,
    orders: Instance,
    deposits: Instance,
    /// How many deposits and keys there were.
    count: u64,
}

impl Stage {
    /// Starts them.
    pub async fn set(binaries: &Binaries, surroundings: &Surroundings) -> Result<Self> {
        let start = async |call: Call| {
            let function = call.function();
            let program = binaries.path(function)?;
            Instance::start(&format!("stage-{function}"), &program, surroundings, None).await
        };
        Ok(Self {
            sessions: start(Call::OpenSession).await?,
            orders: start(Call::LinkOrder).await?,
            deposits: start(Call::RecordDeposit).await?,
            count: 0,
        })
    }

    /// Events for so many calls, each of which will succeed.
    pub async fn events(&mut self, call: Call, count: usize) -> Result<Vec<Value>> {
        if call.reads() {
            return Ok(vec![self.event(call).await?; count]);
        }
        let mut events = Vec::with_capacity(count);
        while events.len() < count {
            events.push(self.event(call).await?);
        }
        Ok(events)
    }

    async fn event(&mut self, call: Call) -> Result<Value> {
        match call {
            Call::OpenSession => event::open_session(),
            Call::OpenSessionWithKey => Ok(event::with_key(event::open_session()?, self.number())),
            Call::ReadOpenSession => event::read_session(&self.session().await?),
            Call::ReadSession(deposits) => {
                let session = self.session().await?;
                self.order(Some(&session), deposits).await?;
                event::read_session(&session)
            }
            Call::ExpireSession => event::expire_session(&self.session().await?),
            Call::ExpireLinkedSession => {
                let session = self.session().await?;
                self.order(Some(&session), 0).await?;
                event::expire_session(&session)
            }
            Call::MakeOrder => event::make_order(None),
            Call::LinkOrder => event::make_order(Some(&self.session().await?)),
            Call::LinkOrderWithKey => {
                let event = event::make_order(Some(&self.session().await?))?;
                Ok(event::with_key(event, self.number()))
            }
            Call::ReadOrder(deposits) => event::read_order(&self.order(None, deposits).await?),
            Call::RecordDeposit => {
                let order = self.order(None, 0).await?;
                event::deposit(&order, self.number())
            }
            Call::RecordDepositWithKey => {
                let order = self.order(None, 0).await?;
                let event = event::deposit(&order, self.number())?;
                Ok(event::with_key(event, self.number()))
            }
        }
    }

    async fn session(&mut self) -> Result<String> {
        let event = event::open_session()?;
        id(&self.sessions.invoke(&event, Some(Call::OpenSession.message())).await?.body)
    }

    async fn order(&mut self, session: Option<&str>, deposits: u32) -> Result<String> {
        let event = event::make_order(session)?;
        let order = id(&self.orders.invoke(&event, Some(Call::MakeOrder.message())).await?.body)?;
        for _ in 0..deposits {
            let event = event::deposit(&order, self.number())?;
            self.deposits.invoke(&event, Some(Call::RecordDeposit.message())).await?;
        }
        Ok(order)
    }

    const fn number(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

/// The id of what was made.
fn id(body: &Value) -> Result<String> {
    let id = body.get("data").and_then(|data| data.get("id")).and_then(Value::as_str);
    Ok(id.context("an answer without an id")?.to_owned())
}
