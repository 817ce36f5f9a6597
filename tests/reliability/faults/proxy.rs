//! The proxy itself: that each fault is what it says, as the engine sees it and as a client
//! of the SDK does that tries only once.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use dev::engine;
use harness::fault::Fault;
use harness::proxy::{Arrival, Fate, Plan, Proxied, Proxy, Wiring};
use harness::{Service, new_uuid};

/// One call meets a fault, all others are forwarded.
struct Once {
    number: usize,
    fault: Fault,
}

impl Plan for Once {
    fn fate(&self, call: &Arrival) -> Fate {
        if call.number == self.number { Fate::Meet(self.fault) } else { Fate::Forward }
    }

    fn refuses(&self, number: usize) -> bool {
        number == self.number && self.fault == Fault::Refused
    }
}

/// A client behind a proxy.
struct Bench {
    service: Service,
    proxy: Proxy,
    client: Client,
    item: String,
}

impl Bench {
    /// The first call is forwarded, so that the second, which meets the fault, finds a
    /// connection that is kept.
    async fn with(fault: Fault) -> Self {
        let service = Service::start().await;
        let proxy = Proxy::start(&service, Once { number: 1, fault }).await;
        let config = engine::sdk_config(&proxy.endpoint()).await;
        let limits = TimeoutConfig::builder().build();
        let config = aws_sdk_dynamodb::config::Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(limits)
            .build();
        let client = Client::from_conf(config);
        let bench = Self { service, proxy, client, item: new_uuid().to_string() };
        assert!(!bench.is_there(&bench.client).await);
        bench
    }

    fn key(&self, name: &str) -> (String, AttributeValue) {
        (name.to_owned(), AttributeValue::S(self.item.clone()))
    }

    async fn put(&self) -> Result<(), SdkError<PutItemError>> {
        let put = self.client.put_item().table_name(&self.service.table);
        let put = put.set_item(Some([self.key("pk"), self.key("sk")].into()));
        put.send().await.map(|_| ())
    }

    async fn is_there(&self, client: &Client) -> bool {
        let get = client.get_item().table_name(&self.service.table).consistent_read(true);
        let get = get.set_key(Some([self.key("pk"), self.key("sk")].into()));
        get.send().await.unwrap().item.is_some()
    }

    /// Whether the engine carried the call out, by a way around the proxy.
    async fn was_applied(&self) -> bool {
        self.is_there(&self.service.database).await
    }
}

/// The error of the connection; `None` if it did not fail.
fn connection_error(error: &SdkError<PutItemError>) -> Option<io::ErrorKind> {
    let mut error: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = error {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        error = inner.source();
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_refused_and_applies_nothing() {
    let bench = Bench::with(Fault::Refused).await;
    let failed = bench.put().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
    assert_eq!(connection_error(&failed), Some(io::ErrorKind::ConnectionRefused), "{failed:?}");
    assert!(!bench.was_applied().await);
    assert_eq!(bench.proxy.hits(), 0, "it never came to the proxy");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_call_after_a_refused_one_finds_somebody_listening() {
    for number in [0, 1, 3] {
        let service = Service::start().await;
        let wiring = Wiring::of(&service).await;
        let behind = Proxied::beside(&service, &wiring, Once { number, fault: Fault::Refused }).await;
        let session = service.session().await;
        for _ in 0..4 {
            behind.service.get_session(&session).await.ok();
        }
        assert_eq!(behind.proxy.hits(), 1);
        let arrivals = behind.proxy.arrivals();
        assert_eq!(arrivals.len(), 5, "{arrivals:?}");
        for call in arrivals {
            assert_eq!(call.operation.is_empty(), call.number == number, "{call:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_before_the_request_is_one_and_applies_nothing() {
    let bench = Bench::with(Fault::ResetBefore).await;
    let failed = bench.put().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
    assert_eq!(connection_error(&failed), Some(io::ErrorKind::ConnectionReset), "{failed:?}");
    assert!(!bench.was_applied().await);
    assert_eq!(bench.proxy.hits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_reply_is_lost_is_applied() {
    let bench = Bench::with(Fault::LostReply).await;
    let failed = bench.put().await.unwrap_err();
    assert!(matches!(failed, SdkError::DispatchFailure(_)), "{failed:?}");
    assert_eq!(connection_error(&failed), None, "it ends in order: {failed:?}");
    assert!(bench.was_applied().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_reply_breaks_off_is_applied() {
    let bench = Bench::with(Fault::TruncatedReply).await;
    let failed = bench.put().await.unwrap_err();
    // The head of the reply came.
    assert!(matches!(failed, SdkError::ResponseError(_)), "{failed:?}");
    assert!(bench.was_applied().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_request_is_applied_late_though_its_caller_gave_up() {
    let delay = Duration::from_millis(700);
    let bench = Bench::with(Fault::LateRequest(delay)).await;
    let sent = Instant::now();
    let given_up = tokio::time::timeout(Duration::from_millis(50), bench.put()).await;
    assert!(given_up.is_err());
    while !bench.was_applied().await {}
    assert!(sent.elapsed() >= delay, "{:?}", sent.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_request_is_answered_to_who_waits() {
    let delay = Duration::from_millis(300);
    let bench = Bench::with(Fault::LateRequest(delay)).await;
    let sent = Instant::now();
    bench.put().await.unwrap();
    assert!(sent.elapsed() >= delay, "{:?}", sent.elapsed());
    assert!(bench.was_applied().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_late_reply_is_applied_at_once() {
    let never = Duration::from_hours(1);
    let bench = Bench::with(Fault::LateReply(never)).await;
    tokio::select! {
        answered = bench.put() => panic!("{answered:?}"),
        () = async { while !bench.was_applied().await {} } => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reply_comes_late() {
    let delay = Duration::from_millis(300);
    let bench = Bench::with(Fault::LateReply(delay)).await;
    let sent = Instant::now();
    bench.put().await.unwrap();
    assert!(sent.elapsed() >= delay, "{:?}", sent.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_told_as_the_database_words_it_and_applies_nothing() {
    for fault in Fault::ALL {
        let Fault::Error(status, code) = fault else { continue };
        let bench = Bench::with(fault).await;
        let failed = bench.put().await.unwrap_err();
        assert_eq!(failed.as_service_error().and_then(ProvideErrorMetadata::code), Some(code));
        assert_eq!(failed.raw_response().unwrap().status().as_u16(), status.as_u16());
        assert!(!bench.was_applied().await, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_tells_its_reasons_and_applies_nothing() {
    for fault in Fault::ALL {
        let Fault::Cancelled(reasons) = fault else { continue };
        let bench = Bench::with(fault).await;
        let put = Put::builder().table_name(&bench.service.table);
        let put = put.set_item(Some([bench.key("pk"), bench.key("sk")].into())).build().unwrap();
        let transaction = bench.client.transact_write_items();
        let transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
        let failed = transaction.send().await.unwrap_err().into_service_error();
        let TransactWriteItemsError::TransactionCanceledException(cancelled) = failed else {
            panic!("{failed:?}");
        };
        let told: Vec<_> =
            cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
        assert_eq!(told, reasons);
        assert!(!bench.was_applied().await, "{reasons:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_transaction_meets_a_conflict_instead_of_a_cancellation() {
    let bench = Bench::with(Fault::Cancelled(&["TransactionConflict"])).await;
    let failed = bench.put().await.unwrap_err();
    let code = failed.as_service_error().and_then(ProvideErrorMetadata::code);
    assert_eq!(code, Some("TransactionConflictException"));
    assert!(!bench.was_applied().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_the_proxy_is_not_there() {
    let service = Service::start().await;
    let proxy = Proxy::start(&service, |_: &str| Fate::Forward).await;
    let behind = service.beside(&proxy.endpoint(), &service.clock).await;
    let session = behind.session().await;
    assert_eq!(behind.get_session(&session).await.text, service.get_session(&session).await.text);
    assert_eq!(proxy.hits(), 0);
    let operations: Vec<_> = proxy.arrivals().into_iter().map(|call| call.operation).collect();
    assert_eq!(operations, ["PutItem", "GetItem"]);
}
