//! Addresses: reading one, with and without its checksum, and placing an order's.

use std::hint::black_box;

use criterion::Criterion;
use domain::address::EvmAddress;
use domain::deposit_address::ForwarderFactory;

use crate::fixture::{FACTORY, RECIPIENT, USDC, session_id};

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("address");
    for (name, text) in [("lower case", RECIPIENT), ("EIP-55", USDC)] {
        assert_eq!(EvmAddress::parse(text).unwrap().as_str(), text);
        group.bench_function(name, |bencher| bencher.iter(|| EvmAddress::parse(black_box(text)).unwrap()));
    }
    let (factory, recipient) =
        (ForwarderFactory::parse(FACTORY).unwrap(), EvmAddress::parse(RECIPIENT).unwrap());
    let order = session_id().order();
    assert_eq!(factory.deposit_address(order, &recipient).len(), 42);
    group.bench_function("deposit address", |bencher| {
        bencher.iter(|| factory.deposit_address(black_box(order), black_box(&recipient)));
    });
    group.bench_function("order id of a session", |bencher| bencher.iter(|| black_box(session_id()).order()));
    group.finish();
}
