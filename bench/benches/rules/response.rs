//! Writing the answers.

use std::hint::black_box;

use api::Response;
use api::view::{CreatedSessionView, OrderRecordView, OrderView, SessionView, SessionWithOrderView, Viewer};
use criterion::{BenchmarkId, Criterion, Throughput};
use domain::api_key::Caller;
use domain::record::CheckoutRecord;

use crate::fixture::{DEPOSITS, meanwhile, record};

const BASE: &str = "https://api.example";

/// Each answer's JSON is as long as it must be at least, or it was not that answer.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("answer");
    let linked = record(0);
    for (name, answer) in [
        ("created session", created_session as fn(&_) -> _),
        ("session", session),
        ("created order", created_order),
    ] {
        assert!(format!("{:?}", answer(&linked)).len() > 300, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| answer(black_box(&linked))));
    }
    for deposits in DEPOSITS {
        let record = record(deposits);
        let shown =
            serde_json::to_string(&OrderRecordView::new(&record, BASE, meanwhile()).unwrap()).unwrap();
        assert_eq!(shown.matches("txHash").count().to_string(), deposits.to_string());
        group.throughput(Throughput::Bytes(shown.len() as u64));
        for (name, answer) in [("order", order as fn(&_) -> _), ("session with order", session_with_order)] {
            group.bench_with_input(BenchmarkId::new(name, deposits), &record, |bencher, record| {
                bencher.iter(|| answer(black_box(record)));
            });
        }
    }
    group.finish();
}

fn created_session(record: &CheckoutRecord) -> Response {
    Response::new("Checkout session created", &CreatedSessionView::new(&record.checkout, &viewer()).unwrap())
        .unwrap()
}

fn session(record: &CheckoutRecord) -> Response {
    let view = SessionView::new(&record.checkout, &viewer(), meanwhile()).unwrap();
    Response::new("Checkout session retrieved", &view).unwrap()
}

fn created_order(record: &CheckoutRecord) -> Response {
    Response::new("Created order successfully", &OrderView::created(&record.checkout, BASE).unwrap()).unwrap()
}

fn order(record: &CheckoutRecord) -> Response {
    let view = OrderRecordView::new(record, BASE, meanwhile()).unwrap();
    Response::new("Get order and transactions successfully", &view).unwrap()
}

fn session_with_order(record: &CheckoutRecord) -> Response {
    let view = SessionWithOrderView {
        session: SessionView::new(&record.checkout, &viewer(), meanwhile()).unwrap(),
        order: OrderRecordView::new(record, BASE, meanwhile()),
    };
    Response::new("Checkout session retrieved", &view).unwrap()
}

fn viewer() -> Viewer {
    Viewer { caller: Caller::Anonymous, base_url: BASE.to_owned() }
}
