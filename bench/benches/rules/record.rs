//! Taking in one more fact of an order.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use domain::payment::PaymentEvent;

use crate::fixture::{DEPOSITS, deposit, meanwhile, order, record};

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    let (order, now) = (order(), meanwhile());
    for deposits in DEPOSITS {
        let before = record(deposits);
        let checkout = &before.checkout;
        let mut bench = |name: &str, number: u64, is_news: bool| {
            let event = PaymentEvent::Transaction(deposit(number));
            let take_in =
                || checkout.record(&order, black_box(&before.transactions), &[], event.clone(), now);
            assert_eq!(take_in().is_some(), is_news, "{name} after {deposits}");
            group.bench_function(BenchmarkId::new(name, deposits), |bencher| bencher.iter(take_in));
        };
        bench("a new deposit", deposits, true);
        if deposits > 0 {
            bench("a known deposit", deposits - 1, false);
        }
    }
    group.finish();
}
