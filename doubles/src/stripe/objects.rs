//! Stripe's objects.

use serde_json::{Value, json};

use super::State;

/// A Checkout Session.
#[derive(Debug, Clone)]
pub(super) struct Checkout {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) status: &'static str,
    pub(super) is_paid: bool,
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) reference: Option<String>,
    pub(super) order: Option<String>,
    pub(super) intent_order: Option<String>,
    pub(super) expires_at: i64,
    pub(super) created: i64,
    pub(super) success_url: String,
    pub(super) cancel_url: Option<String>,
    pub(super) intent: Option<String>,
}

/// A `PaymentIntent` and its charge.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) intent: String,
    pub(super) charge: String,
    pub(super) amount: u64,
    pub(super) currency: String,
    pub(super) status: &'static str,
    pub(super) order: Option<String>,
    pub(super) created: i64,
    pub(super) charged: Option<i64>,
    pub(super) refunded: u64,
    pub(super) is_disputed: bool,
}

impl Checkout {
    /// Ends it if its time is over.
    pub(super) fn end_at(&mut self, now: i64) {
        if self.status == "open" && now >= self.expires_at {
            self.status = "expired";
        }
    }

    pub(super) fn to_json(&self, intent: Value) -> Value {
        json!({
            "id": self.id, "object": "checkout.session", "mode": "payment", "livemode": false,
            "status": self.status, "payment_status": if self.is_paid { "paid" } else { "unpaid" },
            "amount_total": self.amount, "currency": self.currency, "created": self.created,
            "expires_at": self.expires_at, "client_reference_id": self.reference,
            "metadata": metadata(self.order.as_deref()), "success_url": self.success_url,
            "cancel_url": self.cancel_url,
            // A page that has ended has no address.
            "url": (self.status == "open").then_some(&self.url),
            "payment_intent": if intent.is_null() { json!(self.intent) } else { intent },
        })
    }
}

impl Payment {
    pub(super) fn to_json(&self, is_expanded: bool) -> Value {
        let charge = if is_expanded { self.charge_json() } else { json!(self.charge) };
        json!({
            "id": self.intent, "object": "payment_intent", "amount": self.amount, "currency": self.currency,
            "created": self.created, "status": self.status, "metadata": metadata(self.order.as_deref()),
            "livemode": false, "latest_charge": charge,
        })
    }

    pub(super) fn charge_json(&self) -> Value {
        json!({
            "id": self.charge, "object": "charge", "amount": self.amount, "currency": self.currency,
            "amount_refunded": self.refunded, "refunded": self.refunded == self.amount, "disputed": self.is_disputed,
            "paid": self.charged.is_some(), "captured": self.charged.is_some(), "created": self.charged.unwrap_or(self.created),
            "status": match (self.charged, self.status) {
                (Some(_), _) => "succeeded",
                (None, "processing") => "pending",
                (None, _) => "failed",
            },
            "payment_intent": self.intent, "metadata": metadata(self.order.as_deref()),
        })
    }
}

fn metadata(order: Option<&str>) -> Value {
    order.map_or_else(|| json!({}), |order| json!({ "order_id": order }))
}

/// Gives back so much of a payment, or all that is left.
pub(super) fn refund(
    state: &mut State,
    id: &str,
    intent: &str,
    amount: Option<u64>,
    fails: bool,
) -> Result<Value, &'static str> {
    let payment = state.payment(intent).ok_or("resource_missing")?;
    if payment.charged.is_none() {
        return Err("charge_not_paid");
    }
    let left = payment.amount - payment.refunded;
    let amount = amount.unwrap_or(left);
    if left == 0 {
        return Err("charge_already_refunded");
    }
    if amount == 0 || amount > left {
        return Err("amount_too_large");
    }
    if !fails {
        payment.refunded += amount;
    }
    let status = if fails { "failed" } else { "succeeded" };
    let refund = json!({
        "id": id, "object": "refund", "amount": amount, "payment_intent": intent, "status": status,
        "currency": payment.currency, "charge": payment.charge, "metadata": {},
    });
    state.refunds.push(refund.clone());
    Ok(refund)
}
