//! Reading a request: the event, each POST's body, and the signature of a payment event.
//!
//! The bodies are read field by field, as the functions read them.

use std::hint::black_box;

use api::{ApiError, Event, Fields, Request, integer, object, text, verify_signature};
use criterion::Criterion;
use domain::amount::Amount;
use domain::json_object::JsonObject;
use domain::order::{ChainId, OrderKind, OrderTerms};
use domain::payment::{Transaction, TransactionKind, TxHash};
use domain::redirect::RedirectUrl;
use domain::session::{ExpiresIn, SessionTerms};
use domain::text::{OrderReference, Text};
use domain::time::Timestamp;
use runtime::SigningSecrets;

use crate::fixture::{CREATE_ORDER, CREATE_SESSION, RECORD_EVENT, request};

/// The secret with which `events/record-order-event.json` is signed, and when it was.
const SECRET: &str = "whsec_Y2hlY2tvdXQtc2Vzc2lvbnMtbG9jYWwtc2VjcmV0";
const SIGNED: Timestamp = Timestamp::from_millis(1_768_471_350_000);

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");

    assert!(!request(CREATE_ORDER).body().unwrap().is_empty());
    group.bench_function("event", |bencher| {
        bencher.iter(|| Request::from(serde_json::from_str::<Event>(black_box(CREATE_ORDER)).unwrap()));
    });

    let (session, order, event) = (request(CREATE_SESSION), request(CREATE_ORDER), request(RECORD_EVENT));
    assert!(session_terms(&session).unwrap().0.client_reference_id.is_some());
    group.bench_function("POST checkout-sessions", |bencher| {
        bencher.iter(|| session_terms(black_box(&session)).unwrap());
    });
    assert!(order_terms(&order).unwrap().metadata.is_some());
    group.bench_function("POST orders", |bencher| bencher.iter(|| order_terms(black_box(&order)).unwrap()));
    assert_eq!(deposit(&event).unwrap().hash.as_str().len(), 66);
    group
        .bench_function("POST orders events", |bencher| bencher.iter(|| deposit(black_box(&event)).unwrap()));

    let secrets = SigningSecrets::parse(SECRET).unwrap();
    let others = SigningSecrets::parse("whsec_YW5vdGhlcg==").unwrap();
    assert!(
        verify_signature(&event, &secrets, SIGNED).is_ok()
            && verify_signature(&event, &others, SIGNED).is_err()
    );
    group.bench_function("signature", |bencher| {
        bencher.iter(|| verify_signature(black_box(&event), &secrets, SIGNED).unwrap());
    });
    group.finish();
}

fn session_terms(request: &Request) -> Result<(SessionTerms, ExpiresIn), ApiError> {
    let fields = Fields::of(request)?;
    let expires_in = fields.optional("expires_in", integer(ExpiresIn::parse))?.unwrap_or(ExpiresIn::DEFAULT);
    let terms = SessionTerms {
        success_url: fields.optional("success_url", text(RedirectUrl::parse))?,
        cancel_url: fields.optional("cancel_url", text(RedirectUrl::parse))?,
        metadata: fields.optional("metadata", JsonObject::parse)?.unwrap_or_else(JsonObject::empty),
        client_reference_id: fields.optional("client_reference_id", text(Text::parse))?,
    };
    Ok((terms, expires_in))
}

fn order_terms(request: &Request) -> Result<OrderTerms, ApiError> {
    let fields = Fields::of(request)?;
    let payload = fields.required("payload", |value| object(value).map(ToOwned::to_owned))?;
    let expected = Fields::within(&payload, "payload.")?;
    Ok(OrderTerms {
        kind: fields.required("type", text(|kind| OrderKind::parse(&kind)))?,
        recipient: fields.required_address("recipientAddress")?,
        src_chain: fields.required("srcChain", integer(ChainId::parse))?,
        dst_chain: fields.required("dstChain", integer(ChainId::parse))?,
        src_token: fields.required_address("srcTokenAddress")?,
        dst_token: fields.required_address("dstTokenAddress")?,
        src_amount: fields.required("srcAmount", text(|amount| Amount::parse_positive(&amount)))?,
        expected_dst_amount: expected.required("expectedDstAmount", text(|amount| Amount::parse(&amount)))?,
        metadata: fields.optional("metadata", JsonObject::parse)?,
        onramp: None,
        creator_address: fields.optional("creatorAddress", text(Text::parse))?,
        partner_id: fields.optional("partnerId", text(Text::parse))?,
        callback_metadata: fields.optional("callbackMetadata", JsonObject::parse)?,
        client_reference_id: fields.optional("clientReferenceId", text(OrderReference::parse))?,
    })
}

fn deposit(request: &Request) -> Result<Transaction, ApiError> {
    let fields = Fields::of(request)?;
    let data = fields.required("data", |value| object(value).map(ToOwned::to_owned))?;
    let data = Fields::within(&data, "data.")?;
    Ok(Transaction {
        chain: data.required("chain", integer(ChainId::parse))?,
        hash: data.required("txHash", text(TxHash::parse))?,
        created_at: data.required("createdAt", integer(Timestamp::parse))?,
        kind: TransactionKind::Deposit {
            from: data.optional("from", text(Text::parse))?,
            amount: data.required("amount", text(|amount| Amount::parse(&amount)))?,
        },
    })
}
