//! The page on which a payer buys crypto, and what its buttons do.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use axum::extract::{Path, State as Extracted};
use axum::http::StatusCode;
use axum::response::Response;

use super::onramp_sessions::OnrampSession;
use super::page::page;
use super::{Shared, form, webhooks};
use crate::page::{buttons, escape};
use crate::{Delivery, Outcome};

/// The only event that Stripe has for these sessions.
const UPDATED: &str = "crypto.onramp_session.updated";

pub(super) async fn show(Extracted(shared): Extracted<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let session = shared.state().onramp_session(&id).cloned();
    match session {
        Some(session) if !session.is_used => {
            // Stripe's own page has no way back to the shop.
            let outcomes =
                Outcome::BUTTONS.into_iter().filter(|(outcome, ..)| *outcome != Outcome::Cancelled);
            let buttons = buttons(outcomes.map(|(_, name, text)| (name, text)));
            let content = format!(
                "<dl><dt>Amount</dt><dd>{} USDC</dd><dt>Address</dt><dd>{}</dd><dt>Network</dt><dd>base</dd></dl>\
                 <form method=\"post\">{buttons}</form>",
                escape(session.asked()),
                escape(&session.wallet),
            );
            page(StatusCode::OK, &content)
        }
        Some(_) => page(StatusCode::GONE, "<p>This page was used before.</p>"),
        None => page(StatusCode::NOT_FOUND, "<p>There is no such page.</p>"),
    }
}

pub(super) async fn submit(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(id): Path<String>,
    body: String,
) -> Response {
    let given = form::read(&body);
    let Some(outcome) = Outcome::from_name(form::value(&given, "outcome").unwrap_or_default()) else {
        return page(StatusCode::BAD_REQUEST, "<p>Nothing was chosen.</p>");
    };
    // A task of its own: the purchase goes on if the browser closes the connection.
    let purchase = tokio::spawn(async move { buy(&shared, &id, outcome).await });
    match purchase.await {
        Ok(Ok(())) => page(StatusCode::OK, "<p>Done. You can close this page.</p>"),
        Ok(Err(error)) => page(StatusCode::GONE, &format!("<p>{}</p>", escape(&format!("{error:#}")))),
        Err(error) => page(StatusCode::GONE, &format!("<p>{}</p>", escape(&error.to_string()))),
    }
}

/// Carries out what a payer does.
pub(super) async fn buy(shared: &Arc<Shared>, id: &str, outcome: Outcome) -> Result<()> {
    if outcome == Outcome::Cancelled {
        return Ok(());
    }
    let settings = shared.settings.onramp.as_ref().context("the account sells no crypto")?;
    let delivery = {
        let mut state = shared.state();
        let session = state.onramp_session(id).context("there is no such page")?;
        ensure!(!session.is_used, "this page was used before");
        session.is_used = true;
        let amount = outcome.amount(session.asked())?;
        session.amount = Some(amount.clone());
        Delivery { network: "base".to_owned(), asset: "USDC".to_owned(), to: session.wallet.clone(), amount }
    };
    update(shared, id, |session| session.status = "requires_payment").await;
    update(shared, id, |session| session.status = "fulfillment_processing").await;
    let fail = |session: &mut OnrampSession| {
        session.status = "rejected";
        session.last_error = Some("transaction_failed");
    };
    let (sent, result) = match outcome {
        Outcome::Declined => (None, Ok(())),
        Outcome::Never | Outcome::Cancelled => (Some(None), Ok(())),
        Outcome::Later => {
            shared.state().late.push(delivery);
            (Some(None), Ok(()))
        }
        Outcome::Exact | Outcome::Less | Outcome::More => match (settings.deliver)(delivery).await {
            Ok(hash) => (Some(Some(hash)), Ok(())),
            Err(error) => (None, Err(error)),
        },
    };
    match sent {
        Some(hash) => {
            let complete = |session: &mut OnrampSession| {
                session.status = "fulfillment_complete";
                session.transaction = hash;
            };
            update(shared, id, complete).await;
        }
        None => update(shared, id, fail).await,
    }
    result
}

/// Changes a session and sends a webhook about it.
async fn update(shared: &Arc<Shared>, id: &str, change: impl FnOnce(&mut OnrampSession)) {
    let shown = {
        let mut state = shared.state();
        let Some(session) = state.onramp_session(id) else { return };
        change(session);
        session.to_json()
    };
    webhooks::send(shared, UPDATED, &shown).await;
}
