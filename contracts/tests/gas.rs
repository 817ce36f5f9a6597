//! What it costs. The node is pinned, so these are the same figures in every run.

use crate::local_chain::{Deposit, LocalChain, NATIVE, factory, somebody, sweep_many};

/// Shown by `cargo test --package contracts -- --nocapture`.
#[expect(clippy::print_stdout, reason = "figures are for whoever asks to see them")]
fn show(gas: u64, what: &str) {
    println!("{gas:>9} gas  {what}");
}

#[tokio::test]
async fn the_factory_is_placed_for_less_than_a_million_gas() {
    let chain = LocalChain::start().await;
    show(chain.placement_gas, "places the factory");
    assert!(chain.placement_gas < 1_000_000, "{}", chain.placement_gas);
}

#[tokio::test]
async fn a_sweep_leaves_an_item_of_a_batch_ten_times_its_gas() {
    let chain = LocalChain::start().await;
    let token = chain.place("PlainToken").await;
    for (token, name) in [(token, "token"), (NATIVE, "native")] {
        let mut deposit = chain.paid(somebody(), token, 5).await;
        let first = chain.must(factory(), &deposit.sweep()).await.gas();
        show(first, &format!("sweeps a new address, to a new recipient ({name})"));
        // All of it, with what the transaction itself costs.
        assert!(first < 130_000, "{first}");

        chain.pay(deposit, 5).await;
        let again = chain.must(factory(), &deposit.sweep()).await.gas();
        show(again, &format!("sweeps a known address ({name})"));
        assert!(again < 60_000, "{again}");

        deposit = chain.paid(deposit.recipient, token, 5).await;
        let known = chain.must(factory(), &deposit.sweep()).await.gas();
        show(known, &format!("sweeps a new address, to a known recipient ({name})"));
        assert!(known < 110_000, "{known}");
    }
}

#[tokio::test]
async fn the_more_orders_in_a_batch_the_less_each_costs() {
    let chain = LocalChain::start().await;
    let token = chain.place("PlainToken").await;
    let recipient = somebody();
    chain.must(factory(), &chain.paid(recipient, token, 5).await.sweep()).await;
    let mut each_before = u64::MAX;
    for size in [1, 10, 100] {
        let mut batch: Vec<Deposit> = Vec::new();
        for _ in 0..size {
            batch.push(chain.paid(recipient, token, 5).await);
        }
        let receipt = chain.must(factory(), &sweep_many(&batch)).await;
        assert_eq!(receipt.outcomes().len(), batch.len());
        let each = receipt.gas() / size;
        show(each, &format!("an order, {size} in a batch to one recipient"));
        assert!(each < each_before, "{each}");
        each_before = each;
    }
    assert!(each_before < 75_000, "{each_before}");
}
