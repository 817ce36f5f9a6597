//! The statuses of a session and its order. Their cost must not depend on the number of payments.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use domain::order::OrderStatus;
use domain::session::SessionStatus;

use crate::fixture::{DEPOSITS, meanwhile, order, record};

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("status");
    let (order, now) = (order(), meanwhile());
    for deposits in DEPOSITS {
        let checkout = record(deposits).checkout;
        assert_eq!(checkout.session_status(now), SessionStatus::Open);
        assert_eq!(checkout.order_status(&order, now), OrderStatus::ScanningDepositTransaction);
        group.bench_with_input(BenchmarkId::new("session", deposits), &checkout, |bencher, checkout| {
            bencher.iter(|| black_box(checkout).session_status(now));
        });
        group.bench_with_input(BenchmarkId::new("order", deposits), &checkout, |bencher, checkout| {
            bencher.iter(|| black_box(checkout).order_status(&order, now));
        });
    }
    group.finish();
}
