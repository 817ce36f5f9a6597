//! The payment page, and what its buttons do.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Path, State as Extracted};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde_json::Value;

use super::objects::Payment;
use super::{Shared, form, webhooks};
use crate::page::{buttons, document};

/// What a payer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The card is charged.
    Paid,
    /// The card is declined. The page stays open.
    Declined,
    /// The payment is decided later.
    Delayed,
    /// The payer's bank asks them something. The page stays open, and they leave it.
    Authenticating,
    /// The payer goes back.
    Cancelled,
}

impl Outcome {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Paid, "paid", "Pay: the card is charged"),
        (Self::Declined, "declined", "Pay: the card is declined"),
        (Self::Delayed, "delayed", "Pay: it is decided later"),
        (Self::Authenticating, "authenticating", "Pay: the bank asks something, and is not answered"),
        (Self::Cancelled, "cancelled", "Cancel"),
    ];
}

pub(super) async fn show(Extracted(shared): Extracted<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let now = shared.now_seconds();
    let mut state = shared.state();
    let Some(checkout) = state.checkout(&id) else {
        return page(StatusCode::NOT_FOUND, "<p>There is no such page.</p>");
    };
    checkout.end_at(now);
    if checkout.status != "open" {
        return page(StatusCode::GONE, &format!("<p>This page is {}.</p>", checkout.status));
    }
    let buttons = buttons(Outcome::ALL.map(|(_, name, text)| (name, text)));
    let (amount, currency) = (checkout.amount, checkout.currency.to_uppercase());
    let (whole, cents) = (amount / 100, amount % 100);
    let order = checkout.reference.clone().unwrap_or_default();
    page(
        StatusCode::OK,
        &format!(
            "<dl><dt>Amount</dt><dd>{whole}.{cents:02} {currency}</dd><dt>Order</dt><dd>{order}</dd></dl>\
             <form method=\"post\">{buttons}</form>"
        ),
    )
}

pub(super) async fn submit(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(id): Path<String>,
    body: String,
) -> Response {
    let given = form::read(&body);
    let wanted = form::value(&given, "outcome").unwrap_or_default();
    let Some((outcome, ..)) = Outcome::ALL.into_iter().find(|(_, value, _)| *value == wanted) else {
        return page(StatusCode::BAD_REQUEST, "<p>Nothing was chosen.</p>");
    };
    match pay(&shared, &id, outcome).await {
        Ok(Some(url)) => Redirect::to(&url).into_response(),
        Ok(None) => page(StatusCode::OK, "<p>The card was declined. Go back and try again.</p>"),
        Err(error) => page(StatusCode::GONE, &format!("<p>{error}</p>")),
    }
}

pub(super) fn page(status: StatusCode, content: &str) -> Response {
    (status, Html(document("Stripe", content))).into_response()
}

/// Carries out what a payer does. Returns where the payer goes; `None` if they stay.
pub(super) async fn pay(shared: &Arc<Shared>, id: &str, outcome: Outcome) -> Result<Option<String>> {
    let now = shared.now_seconds();
    let (object, kinds, url) = {
        let mut state = shared.state();
        let (intent, charge) = (state.id("pi"), state.id("ch"));
        let checkout = state.checkout(id).context("there is no such page")?;
        checkout.end_at(now);
        ensure!(checkout.status == "open", "this page is {}", checkout.status);
        if outcome == Outcome::Cancelled {
            return Ok(checkout.cancel_url.clone());
        }
        // A payment that was declined is tried again under the same id.
        let intent = checkout.intent.get_or_insert(intent).clone();
        let is_paid = outcome == Outcome::Paid;
        let mut payment = Payment {
            intent: intent.clone(),
            charge,
            amount: checkout.amount,
            currency: checkout.currency.clone(),
            status: match outcome {
                Outcome::Paid => "succeeded",
                Outcome::Delayed => "processing",
                Outcome::Authenticating => "requires_action",
                Outcome::Declined | Outcome::Cancelled => "requires_payment_method",
            },
            order: checkout.intent_order.clone(),
            created: now,
            charged: is_paid.then_some(now),
            refunded: 0,
            is_disputed: false,
        };
        let is_done = matches!(outcome, Outcome::Paid | Outcome::Delayed);
        if is_done {
            checkout.status = "complete";
            checkout.is_paid = is_paid;
        }
        let url = checkout.success_url.replace("{CHECKOUT_SESSION_ID}", id);
        let shown = checkout.to_json(Value::Null);
        if let Some(earlier) = state.payment(&intent) {
            payment.created = earlier.created;
            *earlier = payment.clone();
        } else {
            state.payments.push(payment.clone());
        }
        let kinds: &[&str] = match outcome {
            Outcome::Paid => &["payment_intent.succeeded", "checkout.session.completed"],
            Outcome::Delayed => &["checkout.session.completed"],
            Outcome::Authenticating => &["payment_intent.requires_action"],
            Outcome::Declined | Outcome::Cancelled => &["payment_intent.payment_failed"],
        };
        ([payment.to_json(false), shown], kinds, is_done.then_some(url))
    };
    for kind in kinds {
        let [payment, checkout] = &object;
        webhooks::send(shared, kind, if kind.starts_with("checkout") { checkout } else { payment }).await;
    }
    Ok(url)
}

/// Decides a payment that is delayed, or for which the payer's bank waits for an answer.
pub(super) async fn settle(shared: &Arc<Shared>, id: &str, has_succeeded: bool) -> Result<()> {
    let now = shared.now_seconds();
    let shown = {
        let mut state = shared.state();
        let intent = state.checkout(id).context("there is no such page")?.intent.clone();
        let payment =
            state.payment(&intent.context("nothing was paid")?).context("there is no such payment")?;
        let is_undecided = matches!(payment.status, "processing" | "requires_action");
        ensure!(is_undecided, "this payment is {}", payment.status);
        payment.status = if has_succeeded { "succeeded" } else { "requires_payment_method" };
        payment.charged = has_succeeded.then_some(now);
        let checkout = state.checkout(id).context("there is no such page")?;
        checkout.is_paid = has_succeeded;
        if has_succeeded && checkout.status == "open" {
            checkout.status = "complete";
        }
        checkout.to_json(Value::Null)
    };
    let outcome = if has_succeeded { "succeeded" } else { "failed" };
    webhooks::send(shared, &format!("checkout.session.async_payment_{outcome}"), &shown).await;
    Ok(())
}
