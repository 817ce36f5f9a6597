//! The body of `POST /orders/{orderId}/events`: `{ "type": …, "data": { … } }`.

use api::{ApiError, ErrorCode, Fields, Request, integer, object, text};
use domain::amount::Amount;
use domain::invalid::Invalid;
use domain::json_object::JsonObject;
use domain::order::ChainId;
use domain::payment::{
    PaymentEvent, Points, RefundStatus, RelayStatus, Transaction, TransactionKind, TxHash,
};
use domain::text::Text;
use domain::time::{MAX_SAFE_INTEGER, Timestamp};

/// The reported fact.
pub(crate) fn payment_event(request: &Request) -> Result<PaymentEvent, ApiError> {
    let fields = Fields::of(request)?;
    let kind: String = fields.required("type", text(Ok))?;
    let data = fields.required("data", |value| object(value).map(ToOwned::to_owned))?;
    let data = Fields::within(&data, "data.")?;
    let kind = match kind.as_str() {
        "deposit.detected" => deposit(&data)?,
        "relay.updated" => relay(&data)?,
        "order.executed" => execution(&data)?,
        "refund.updated" => refund(&data)?,
        "order.failed" => {
            let details = data.required("errorDetails", text(Text::parse))?;
            return Ok(PaymentEvent::OrderFailed(details));
        }
        _ => {
            let known = Invalid::expected(
                "one of: deposit.detected, relay.updated, order.executed, order.failed, refund.updated",
            );
            return Err(ApiError::invalid(ErrorCode::InvalidFieldValue, "type", &known));
        }
    };
    Ok(PaymentEvent::Transaction(Transaction {
        chain: data.required("chain", integer(ChainId::parse))?,
        hash: data.required("txHash", text(TxHash::parse))?,
        created_at: data.required("createdAt", integer(Timestamp::parse))?,
        kind,
    }))
}

fn deposit(data: &Fields<'_>) -> Result<TransactionKind, ApiError> {
    let (from, amount) = (data.optional_text("from", Text::parse)?, amount(data)?);
    Ok(match data.optional("logIndex", integer(log_index))? {
        Some(log_index) => TransactionKind::DepositLog { log_index, from, amount },
        None => TransactionKind::Deposit { from, amount },
    })
}

/// Reads the position of a log in its block.
fn log_index(position: u64) -> Result<u64, Invalid> {
    if position <= MAX_SAFE_INTEGER {
        Ok(position)
    } else {
        Err(Invalid::expected("a log's index: an integer from 0 to 2^53 - 1"))
    }
}

fn relay(data: &Fields<'_>) -> Result<TransactionKind, ApiError> {
    Ok(TransactionKind::Relay {
        status: data.required("status", text(|status| RelayStatus::parse(&status)))?,
    })
}

fn execution(data: &Fields<'_>) -> Result<TransactionKind, ApiError> {
    Ok(TransactionKind::Execution {
        actual_dst_amount: data.optional("actualDstAmount", text(|amount| Amount::parse(&amount)))?,
        relay: data.optional("relay", JsonObject::parse)?,
        points: data.optional("points", |value| Points::parse(value.get()))?,
    })
}

fn refund(data: &Fields<'_>) -> Result<TransactionKind, ApiError> {
    Ok(TransactionKind::Refund {
        amount: amount(data)?,
        status: data.required("status", text(|status| RefundStatus::parse(&status)))?,
    })
}

fn amount(data: &Fields<'_>) -> Result<Amount, ApiError> {
    data.required("amount", text(|amount| Amount::parse(&amount)))
}
