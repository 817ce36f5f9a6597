//! What must exist before it can be asked for: sessions and orders, made through the API.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::load::call::{Calls, Fact};
use crate::load::traffic::Traffic;

/// How many sessions and orders are read in turns: more than the engine's caches would make a difference to.
const READ: usize = 100;

/// How many are made at once.
const AT_ONCE: usize = 16;

/// So many orders get a deposit each before the first of them is executed. In life some time passes between the two;
/// here they would be under way at once, and the run would measure how two writers of one order wait for each other.
const APART: usize = 250;

/// What a run uses.
#[derive(Default)]
pub struct Stock {
    /// Open sessions without an order, each good for one call.
    sessions: Vec<String>,
    /// Orders by themselves without a deposit, each good for two reports; a multiple of [`APART`].
    orders: Vec<String>,
    /// Sessions whose order has a deposit, with that order.
    paid: Vec<(String, String)>,
    sessions_used: AtomicUsize,
    reports: AtomicUsize,
    reads: AtomicUsize,
}

impl Stock {
    /// Makes what this traffic needs. What can be used once only is made for as long as the run will last: nothing is
    /// used up faster than one core opens sessions, or if so, the run ends a little earlier.
    pub async fn for_traffic(traffic: Traffic, calls: &Calls, time: Duration) -> Result<Self> {
        let client = Client::new();
        let mut stock = Self::default();
        for part in traffic.pattern() {
            match part {
                Traffic::ExpireCheckoutSession | Traffic::CreateOrder if stock.sessions.is_empty() => {
                    stock.sessions = made(time, || made_by(calls.open_session(&client))).await?;
                }
                Traffic::RecordOrderEvent if stock.orders.is_empty() => {
                    stock.orders = made(time, || made_by(calls.make_order(&client, None))).await?;
                    stock.orders.truncate(stock.orders.len() / APART * APART);
                }
                Traffic::GetCheckoutSession | Traffic::GetOrder if stock.paid.is_empty() => {
                    let paid = stream::iter(0..READ).map(|number| paid(calls, &client, number));
                    stock.paid = paid.buffer_unordered(AT_ONCE).try_collect().await?;
                }
                Traffic::UnknownRoute
                | Traffic::CreateCheckoutSession
                | Traffic::GetCheckoutSession
                | Traffic::ExpireCheckoutSession
                | Traffic::CreateOrder
                | Traffic::GetOrder
                | Traffic::RecordOrderEvent
                | Traffic::Mix => {}
            }
        }
        Ok(stock)
    }

    /// For how many more requests it lasts; `None` for as many as may come.
    pub fn lasts_for(&self, traffic: Traffic) -> Option<usize> {
        let pattern = traffic.pattern();
        let lasts = |left: usize, uses: fn(&Traffic) -> bool| {
            let uses = pattern.iter().filter(|part| uses(part)).count();
            // A part of a pattern may use as much as a whole one.
            (uses > 0).then(|| (left / uses) * pattern.len())
        };
        let left = self.sessions.len().saturating_sub(self.sessions_used.load(Ordering::Relaxed));
        let sessions =
            lasts(left, |part| matches!(part, Traffic::ExpireCheckoutSession | Traffic::CreateOrder));
        let left = (2 * self.orders.len()).saturating_sub(self.reports.load(Ordering::Relaxed));
        let reports = lasts(left, |part| matches!(part, Traffic::RecordOrderEvent));
        sessions.into_iter().chain(reports).min()
    }

    /// The next request of this kind.
    pub fn next(&self, part: Traffic, calls: &Calls, client: &Client) -> Result<RequestBuilder> {
        Ok(match part {
            Traffic::UnknownRoute => calls.unknown_route(client),
            Traffic::CreateCheckoutSession => calls.open_session(client),
            Traffic::GetCheckoutSession => calls.read_session(client, &self.paid()?.0),
            Traffic::ExpireCheckoutSession => calls.expire_session(client, self.session()?),
            Traffic::CreateOrder => calls.make_order(client, Some(self.session()?)),
            Traffic::GetOrder => calls.read_order(client, &self.paid()?.1),
            Traffic::RecordOrderEvent => {
                let number = self.reports.fetch_add(1, Ordering::Relaxed);
                let (place, fact) = reported(number);
                let order = self.orders.get(place).context("no order is left")?;
                calls.report(client, order, fact, number)?
            }
            Traffic::Mix => anyhow::bail!("a mix is no request of its own"),
        })
    }

    fn session(&self) -> Result<&str> {
        let session = self.sessions.get(self.sessions_used.fetch_add(1, Ordering::Relaxed));
        session.map(String::as_str).context("no session is left")
    }

    fn paid(&self) -> Result<&(String, String)> {
        let read = self.reads.fetch_add(1, Ordering::Relaxed);
        self.paid.get(read % self.paid.len().max(1)).context("there is nothing to read")
    }
}

/// The order and the fact of the report of this number.
const fn reported(number: usize) -> (usize, Fact) {
    let (before, place) = (number / (2 * APART) * APART, number % (2 * APART));
    if place < APART { (before + place, Fact::Deposited) } else { (before + place - APART, Fact::Executed) }
}

/// Makes as many as can be made in this time.
async fn made<T>(time: Duration, one: impl AsyncFn() -> Result<T>) -> Result<Vec<T>> {
    let all = stream::repeat(()).map(|()| one()).buffer_unordered(AT_ONCE);
    all.take_until(tokio::time::sleep(time)).try_collect().await
}

/// A session with an order that has a deposit, and that order.
async fn paid(calls: &Calls, client: &Client, number: usize) -> Result<(String, String)> {
    let session = made_by(calls.open_session(client)).await?;
    let order = made_by(calls.make_order(client, Some(&session))).await?;
    answer(calls.report(client, &order, Fact::Deposited, number)?).await?;
    Ok((session, order))
}

/// The id of what this request makes.
async fn made_by(request: RequestBuilder) -> Result<String> {
    let answer = answer(request).await?;
    let id = answer.get("data").and_then(|data| data.get("id")).and_then(Value::as_str);
    Ok(id.context("an answer without an id")?.to_owned())
}

async fn answer(request: RequestBuilder) -> Result<Value> {
    let response = request.send().await?;
    let (status, body) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "{status} while preparing: {body}");
    Ok(serde_json::from_str(&body)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::service::SECRET;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("id-{number}")).collect()
    }

    #[test]
    fn it_lasts_for_exactly_as_many_requests_as_it_says() {
        let (calls, client) = (Calls::new("http://service", SECRET).unwrap(), Client::new());
        for traffic in [Traffic::CreateOrder, Traffic::ExpireCheckoutSession, Traffic::RecordOrderEvent] {
            let stock = Stock { sessions: ids(4 * APART), orders: ids(2 * APART), ..Stock::default() };
            assert_eq!(stock.lasts_for(traffic), Some(4 * APART));
            assert!(stock.next(traffic, &calls, &client).is_ok());
            assert_eq!(stock.lasts_for(traffic), Some(4 * APART - 1));
            for _ in 1..4 * APART {
                assert!(stock.next(traffic, &calls, &client).is_ok());
            }
            assert!(stock.next(traffic, &calls, &client).is_err());
        }
    }

    #[test]
    fn a_mix_ends_before_the_first_of_its_parts_does() {
        let (calls, client) = (Calls::new("http://service", SECRET).unwrap(), Client::new());
        for (sessions, expected) in [(12, 2), (600, 2 * APART / 15)] {
            let paid = vec![("session".to_owned(), "order".to_owned())];
            let stock = Stock { sessions: ids(sessions), orders: ids(APART), paid, ..Stock::default() };
            let lasts = stock.lasts_for(Traffic::Mix).unwrap();
            assert_eq!(lasts, expected * 111);
            for part in Traffic::Mix.pattern().into_iter().cycle().take(lasts) {
                assert!(stock.next(part, &calls, &client).is_ok());
            }
        }
    }

    #[test]
    fn each_order_gets_a_deposit_and_much_later_its_execution() {
        let reports: Vec<_> = (0..4 * APART).map(reported).collect();
        for order in 0..2 * APART {
            let mut of_it = reports.iter().enumerate().filter(|(_, (place, _))| *place == order);
            let (first, (_, deposit)) = of_it.next().unwrap();
            let (second, (_, execution)) = of_it.next().unwrap();
            assert_eq!((*deposit, *execution), (Fact::Deposited, Fact::Executed));
            assert_eq!(second - first, APART);
            assert!(of_it.next().is_none());
        }
    }

    #[test]
    fn reading_uses_nothing_up() {
        assert_eq!(Stock::default().lasts_for(Traffic::GetCheckoutSession), None);
    }
}
