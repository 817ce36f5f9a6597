//! What is stored, as DynamoDB sends it, read into a checkout: the real client, and no network.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use criterion::{BenchmarkId, Criterion, Throughput};
use domain::payment::{Transaction, TransactionKind};
use domain::record::CheckoutRecord;
use domain::retention::Retention;
use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use store::Store;
use tokio::runtime::Builder;

use crate::fixture::{DEPOSITS, order, record};

pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let table = Table::default();
    let store = Store::new(&table.sdk_config(), "checkout");
    runtime.block_on(store.create_order(order(), Retention::DEFAULT, None)).unwrap();
    let put = table.0.lock().unwrap().put.clone();

    let mut group = criterion.benchmark_group("stored");
    for deposits in DEPOSITS {
        let expected = CheckoutRecord { checkout: alone(deposits), ..record(deposits) };
        let items = items(&put, &expected);
        let answer = json!({ "Items": items, "Item": items.first(), "Count": items.len() }).to_string();
        group.throughput(Throughput::Bytes(answer.len() as u64));
        table.0.lock().unwrap().answer = answer;

        let read = || runtime.block_on(store.read_record(order().id)).unwrap().unwrap();
        let found = read();
        assert_eq!((found.checkout, found.transactions), (expected.checkout, expected.transactions));
        group.bench_function(BenchmarkId::new("order with deposits", deposits), |bencher| bencher.iter(read));
        if deposits == 0 {
            let read = || runtime.block_on(store.read_checkout(order().id)).unwrap().unwrap();
            assert_eq!(read(), alone(0));
            group.bench_function("checkout", |bencher| bencher.iter(read));
        }
    }
    group.finish();
}

/// The checkout without its session, as the order that was stored is one on its own.
fn alone(deposits: u64) -> domain::lifecycle::Checkout {
    let linked = record(deposits).checkout;
    domain::lifecycle::Checkout {
        session: None,
        deadline: order().created_at + order().terms.standalone_lifetime(),
        ..linked
    }
}

/// The items of an order: its own, as the store put it, with the sum of its deposits, and these.
fn items(put: &Value, record: &CheckoutRecord) -> Vec<Value> {
    let CheckoutRecord { checkout, transactions, on_chain: _, vendor_report: _ } = record;
    let mut own = put.clone();
    let received = checkout.payment_state.received;
    let no = || json!({ "BOOL": false });
    own["version"] = number(checkout.version);
    own["ledger"] = json!({ "M": {
        "received": { "S": received }, "deposited": { "BOOL": !transactions.is_empty() },
        "relayed": no(), "executed": no(), "refunded": no(), "returned": { "S": "0" },
    } });
    let deposits = transactions.iter().map(|transaction| deposit(&put["pk"], transaction));
    std::iter::once(own).chain(deposits).collect()
}

fn deposit(partition: &Value, transaction: &Transaction) -> Value {
    let Transaction { chain, hash, created_at, kind } = transaction;
    let TransactionKind::Deposit { from, amount } = kind else {
        unreachable!("the fixture makes only deposits")
    };
    json!({
        "pk": partition,
        "sk": { "S": format!("transaction#deposit#{}#{}", chain.as_u64(), hash.identity()) },
        "version": number(1), "chain": number(chain), "hash": { "S": hash }, "created_at": number(created_at),
        "kind": { "S": "deposit" }, "from": { "S": from }, "amount": { "S": amount },
    })
}

fn number(value: impl serde::Serialize) -> Value {
    json!({ "N": json!(value).to_string() })
}

/// Stands where DynamoDB is: keeps what was put, and answers every read with the same.
#[derive(Debug, Clone, Default)]
struct Table(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    put: Value,
    answer: String,
}

impl Table {
    fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("local", "local", None, None, "benchmark");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(SharedHttpClient::new(self.clone()))
            .build()
    }
}

impl HttpClient for Table {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut kept = self.0.lock().unwrap();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body = if target.ends_with("PutItem") {
            let sent: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            kept.put = sent["Item"].clone();
            "{}".to_owned()
        } else {
            kept.answer.clone()
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::OK.into(), body.into())))
    }
}
