//! What Stripe says of an onramp session, in which a payer buys crypto.

use domain::id::OrderId;
use domain::onramp::{OnrampVendor, VendorReport, VendorStatus};
use domain::text::Text;
use domain::time::Timestamp;
use onramp::{is_word, named_order};
use serde_json::Value;

/// The only event that Stripe has for onramp sessions.
pub(crate) const EVENT: &str = "crypto.onramp_session.updated";

/// Reads of which order's purchase it is, to which address it goes, and how far it is; `None` if it names no order.
pub(crate) fn purchase(event: &Value, now: Timestamp) -> Option<(OrderId, &str, VendorReport)> {
    let session = event.pointer("/data/object")?;
    let text = |path: &str| session.pointer(path).and_then(Value::as_str);
    // It is `null` until the payer has gone on. The session is locked to the other one from the start.
    let address = text("/transaction_details/wallet_address")
        .or_else(|| text("/transaction_details/wallet_addresses/base_network"))?;
    let status = match text("/status")? {
        "initialized" | "requires_payment" => VendorStatus::Created,
        "fulfillment_processing" => VendorStatus::InProgress,
        "fulfillment_complete" => VendorStatus::Succeeded,
        "rejected" | "error" => VendorStatus::Failed,
        _ => return None,
    };
    let reason = text("/transaction_details/last_error").filter(|_| status == VendorStatus::Failed);
    let created = session.get("created").and_then(Value::as_i64);
    let report = VendorReport {
        vendor: OnrampVendor::Stripe,
        transaction: Text::parse(text("/id")?.to_owned()).ok()?,
        status,
        progress: status.progress(),
        reason: reason.filter(|reason| is_word(reason)).and_then(|word| Text::parse(word.to_owned()).ok()),
        started_at: created
            .and_then(|created| created.checked_mul(1_000))
            .map_or(now, |millis| Timestamp::from_millis(millis).min(now)),
        updated_at: now,
    };
    Some((named_order(session)?, address, report))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ORDER: &str = "5392f7a7-d472-4d6b-9848-bd07117fb82d";
    const ADDRESS: &str = "0x1111111111111111111111111111111111111111";
    const NOW: Timestamp = Timestamp::from_millis(1_769_860_800_123);

    /// An event with these members of the session and of its transaction.
    fn event(session: &Value, transaction: &Value) -> Value {
        let mut object = json!({
            "id": "cos_1", "object": "crypto.onramp_session", "created": 1_769_860_700, "status": "requires_payment",
            "metadata": { "order_id": ORDER },
            "transaction_details": { "wallet_address": ADDRESS, "last_error": null },
        });
        let replace = |object: &mut Value, members: &Value| {
            for (name, value) in members.as_object().unwrap() {
                object[name] = value.clone();
            }
        };
        replace(&mut object, session);
        replace(&mut object["transaction_details"], transaction);
        json!({ "type": EVENT, "data": { "object": object } })
    }

    #[test]
    fn each_status_says_how_far_the_purchase_is() {
        for (status, expected) in [
            ("initialized", VendorStatus::Created),
            ("requires_payment", VendorStatus::Created),
            ("fulfillment_processing", VendorStatus::InProgress),
            ("fulfillment_complete", VendorStatus::Succeeded),
            ("rejected", VendorStatus::Failed),
            ("error", VendorStatus::Failed),
        ] {
            let event = event(&json!({ "status": status }), &json!({ "last_error": "transaction_failed" }));
            let (order, address, report) = purchase(&event, NOW).unwrap();
            assert_eq!((order.to_string().as_str(), address), (ORDER, ADDRESS), "{status}");
            assert_eq!((report.status, report.progress), (expected, expected.progress()), "{status}");
            assert_eq!(report.reason.is_some(), expected == VendorStatus::Failed, "{status}");
            assert_eq!((report.transaction.as_str(), report.vendor), ("cos_1", OnrampVendor::Stripe));
            assert_eq!((report.started_at.as_millis(), report.updated_at), (1_769_860_700_000, NOW));
        }
    }

    #[test]
    fn reason_is_a_word_or_nothing() {
        for (reason, expected) in [
            (json!("wallet_ownership_verification_required"), Some("wallet_ownership_verification_required")),
            (json!("Card 4242 of Jane was declined"), None),
            (json!(""), None),
            (json!({ "code": "transaction_failed" }), None),
            (Value::Null, None),
        ] {
            let event = event(&json!({ "status": "rejected" }), &json!({ "last_error": reason }));
            let (.., report) = purchase(&event, NOW).unwrap();
            assert_eq!(report.reason.as_ref().map(Text::as_str), expected);
        }
    }

    #[test]
    fn wallet_is_the_chosen_one_or_else_the_locked_one() {
        let locked = json!({ "base_network": ADDRESS });
        let of = |wallet: Value| {
            event(&json!({}), &json!({ "wallet_address": wallet, "wallet_addresses": locked }))
        };
        let (unchosen, chosen) = (of(Value::Null), of(json!("0x22")));
        assert_eq!(purchase(&unchosen, NOW).unwrap().1, ADDRESS);
        assert_eq!(purchase(&chosen, NOW).unwrap().1, "0x22");
    }

    #[test]
    fn what_names_no_purchase_of_an_order_is_none() {
        for (session, transaction) in [
            (json!({ "status": "exploded" }), json!({})),
            (json!({ "status": null }), json!({})),
            (json!({ "id": null }), json!({})),
            (json!({ "id": "x".repeat(256) }), json!({})),
            (json!({ "metadata": {} }), json!({})),
            (json!({ "metadata": { "order_id": "1" } }), json!({})),
            (json!({}), json!({ "wallet_address": null })),
        ] {
            assert!(purchase(&event(&session, &transaction), NOW).is_none(), "{session} {transaction}");
        }
        assert!(purchase(&json!({ "type": EVENT }), NOW).is_none());
    }
}
