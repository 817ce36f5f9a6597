//! Many deposits at once: no item harms another, and no caller can make a good one look bad.

use alloy_primitives::{Bytes, Log, U256, hex};
use alloy_sol_types::{Revert, SolCall as _, SolError as _, SolValue as _};
use serde_json::json;

use crate::abi::{BusyRecipient, Forwarder, HungryRecipient, ReentrantRecipient, Token};
use crate::local_chain::{Deposit, LocalChain, NATIVE, Outcome, factory, outcomes, somebody, sweep_many};

/// What an item of a batch may use.
const ITEM_GAS: u64 = 1_000_000;

#[tokio::test]
async fn the_honest_are_paid_whoever_is_in_the_batch_with_them() {
    let chain = LocalChain::start().await;
    let plain = chain.place("PlainToken").await;
    let silent = chain.place("SilentToken").await;
    let taking_a_fee = chain.place("FeeToken").await;
    let blocking = chain.place("BlockingToken").await;
    let hooks = chain.place("HookToken").await;

    let blocked = chain.paid(somebody(), blocking, 10).await;
    chain.must(blocking, &Token::setBlockedCall { account: blocked.recipient, value: true }).await;
    let refused = chain.paid(somebody(), chain.place("RefusingToken").await, 10).await;
    let fake = Deposit::new(somebody(), chain.place("FakeToken").await);
    let endless = Deposit::new(somebody(), chain.place("EndlessToken").await);
    let bomb = Deposit::new(somebody(), chain.place("BombToken").await);
    let burner = chain.paid(chain.place("GasBurner").await, NATIVE, 10).await;
    let refusing_bomber = chain.paid(chain.place("RefusingBomber").await, NATIVE, 10).await;
    let taking_bomber = chain.paid(chain.place("TakingBomber").await, NATIVE, 10).await;
    let reentrant = chain.place_with("ReentrantRecipient", &factory().abi_encode()).await;
    let reentrant = chain.paid(reentrant, hooks, 10).await;
    let prepare = ReentrantRecipient::prepareCall {
        token: hooks,
        paidOrder: reentrant.order_id(),
        toGiveBack: U256::from(4),
        toSweep: vec![reentrant.order_id()],
    };
    chain.must(reentrant.recipient, &prepare).await;

    let honest = [
        chain.paid(somebody(), plain, 1).await,
        chain.paid(somebody(), silent, 2).await,
        chain.paid(somebody(), taking_a_fee, 30).await,
        chain.paid(somebody(), blocking, 4).await,
        chain.paid(somebody(), NATIVE, 5).await,
        chain.paid(somebody(), hooks, 6).await,
        chain.paid(somebody(), plain, 7).await,
    ];

    // Each with what is said of it, and with what its recipient has in the end.
    let batch = [
        (honest[0], vec![honest[0].swept(1)], 1),
        (blocked, vec![blocked.failed(Revert::from("the account is blocked").abi_encode())], 0),
        (honest[1], vec![honest[1].swept(2)], 2),
        (refused, vec![refused.failed(Forwarder::TransferRefused::SELECTOR)], 0),
        (honest[2], vec![honest[2].swept(30)], 27),
        // It moved nothing, so nothing is said.
        (fake, vec![], 1_000_000),
        (honest[3], vec![honest[3].swept(4)], 4),
        (burner, vec![burner.failed([])], 0),
        (refusing_bomber, vec![refusing_bomber.failed([0; 256])], 0),
        (honest[4], vec![honest[4].swept(5)], 5),
        (taking_bomber, vec![taking_bomber.swept(10)], 10),
        (honest[5], vec![honest[5].swept(6)], 6),
        (reentrant, vec![reentrant.swept(4), reentrant.swept(10)], 10),
        (honest[6], vec![honest[6].swept(7)], 7),
    ];
    // These have no balance to ask for afterwards.
    let unreadable = [(endless, vec![endless.failed([])]), (bomb, vec![bomb.failed([0; 256])])];

    let mut items: Vec<_> = unreadable.iter().map(|(deposit, _)| *deposit).collect();
    items.extend(batch.iter().map(|(deposit, _, _)| *deposit));
    let mut said: Vec<_> = unreadable.iter().flat_map(|(_, outcomes)| outcomes.clone()).collect();
    said.extend(batch.iter().flat_map(|(_, outcomes, _)| outcomes.clone()));
    let receipt = chain.must(factory(), &sweep_many(&items)).await;
    assert_eq!(receipt.outcomes(), said);

    for (deposit, _, arrived) in batch {
        assert_eq!(chain.holds(deposit.recipient, deposit.token).await, arrived, "{deposit:?}");
    }
    for kept in [blocked, refused, burner, refusing_bomber] {
        assert_eq!(chain.holds(kept.address(), kept.token).await, 10, "{kept:?}");
    }
}

#[tokio::test]
async fn a_hostile_item_costs_its_share_and_no_more() {
    let chain = LocalChain::start().await;
    let empty = chain.must(factory(), &sweep_many(&[])).await.gas();
    let endless = Deposit::new(somebody(), chain.place("EndlessToken").await);
    let bomb = Deposit::new(somebody(), chain.place("BombToken").await);
    let burner = chain.paid(chain.place("GasBurner").await, NATIVE, 10).await;
    let bomber = chain.paid(chain.place("RefusingBomber").await, NATIVE, 10).await;
    for hostile in [endless, bomb, burner, bomber] {
        let used = chain.must(factory(), &sweep_many(&[hostile])).await.gas() - empty;
        // Besides its share: its own bytes in the transaction, and the log of its failure.
        assert!(used <= ITEM_GAS + 12_000, "{used}");
    }
}

#[tokio::test]
async fn nothing_is_said_of_a_deposit_where_nothing_lies() {
    let chain = LocalChain::start().await;
    let plain = chain.place("PlainToken").await;
    let blocking = chain.place("BlockingToken").await;
    let paid = chain.paid(somebody(), plain, 5).await;
    let blocked = Deposit::new(somebody(), blocking);
    chain.must(blocking, &Token::setBlockedCall { account: blocked.recipient, value: true }).await;
    let batch = [
        Deposit::new(somebody(), plain),
        Deposit::new(somebody(), NATIVE),
        // It would fail, if anything were there.
        blocked,
        Deposit::new(chain.place("RefusingBomber").await, NATIVE),
        // The order is paid, but not to this recipient, and not in these tokens, of which the second is none.
        Deposit { recipient: chain.stranger, ..paid },
        Deposit { token: NATIVE, ..paid },
        Deposit { token: somebody(), ..paid },
    ];
    let receipt = chain.must(factory(), &sweep_many(&batch)).await;
    assert!(receipt.logs.is_empty(), "{receipt:?}");
}

#[tokio::test]
async fn an_order_twice_in_a_batch_is_swept_once() {
    let chain = LocalChain::start().await;
    let token = chain.place("PlainToken").await;
    let deposit = chain.paid(somebody(), token, 5).await;
    let receipt = chain.must(factory(), &sweep_many(&[deposit, deposit])).await;
    assert_eq!(receipt.outcomes(), [deposit.swept(5)]);
}

/// Returns the result of a batch with each of these gas limits: nothing if it is refused.
async fn with_gas(
    chain: &LocalChain,
    batch: &[Deposit],
    limits: impl Iterator<Item = u64>,
) -> Vec<(u64, Option<Vec<Outcome>>)> {
    let data = hex::encode_prefixed(sweep_many(batch).abi_encode());
    let mut results = Vec::new();
    for gas in limits {
        let call = json!({ "from": chain.stranger, "to": factory(), "data": data, "gas": U256::from(gas) });
        let simulation = json!([{ "blockStateCalls": [{ "calls": [call] }] }, "latest"]);
        let blocks = chain.rpc("eth_simulateV1", simulation).await;
        let result = &blocks[0]["calls"][0];
        let succeeded = result["status"] == "0x1";
        let logs: Vec<Log> = serde_json::from_value(result["logs"].clone()).unwrap();
        results.push((gas, succeeded.then(|| outcomes(&logs))));
    }
    results
}

#[tokio::test]
async fn a_short_gas_limit_refuses_the_whole_batch_and_shows_nothing_as_failed() {
    let chain = LocalChain::start().await;
    let token = chain.place("PlainToken").await;
    let hungry = chain.place("HungryRecipient").await;

    // The hungry one comes last: what it needs is not made sure by what is kept for those after it.
    let batch = async || {
        [
            chain.paid(somebody(), token, 1).await,
            chain.paid(somebody(), token, 2).await,
            chain.paid(hungry, NATIVE, 3).await,
        ]
    };
    // How much of an item's gas reaches the recipient. From now on it takes money with no less than that.
    chain.must(factory(), &sweep_many(&batch().await)).await;
    let given = chain.call(hungry, &HungryRecipient::givenCall {}).await;
    assert!(given > U256::from(ITEM_GAS / 2), "{given}");
    chain.must(hungry, &HungryRecipient::setNeedCall { need: given }).await;

    let batch = batch().await;
    let all: Vec<_> = batch.iter().zip(1..).map(|(deposit, amount)| deposit.swept(amount)).collect();
    let mut results = with_gas(&chain, &batch, (30_000..1_500_000).step_by(4_999)).await;
    let refused = results.iter().take_while(|(_, outcomes)| outcomes.is_none()).count();
    assert!(refused > 100 && refused < results.len() - 10, "{refused} of {}", results.len());
    // And finely, where the batch is no longer refused: there the last item gets the least.
    let (enough, _) = results[refused];
    results.extend(with_gas(&chain, &batch, (enough - 4_999..enough).step_by(53)).await);
    for (gas, outcomes) in results {
        if let Some(outcomes) = outcomes {
            assert_eq!(outcomes, all, "with {gas} gas");
        }
    }
}

#[tokio::test]
async fn a_failure_is_a_fact_about_its_moment_only() {
    let chain = LocalChain::start().await;
    let recipient = chain.place("BusyRecipient").await;
    let deposit = chain.paid(recipient, NATIVE, 5).await;
    // Whoever is called by a recipient, or by a token, may have the sweep tried at that very moment.
    let data = Bytes::from(sweep_many(&[deposit]).abi_encode());
    let receipt = chain.must(recipient, &BusyRecipient::callWhileBusyCall { target: factory(), data }).await;
    assert_eq!(receipt.outcomes(), [deposit.failed(Revert::from("busy").abi_encode())]);
    let receipt = chain.must(factory(), &sweep_many(&[deposit])).await;
    assert_eq!(receipt.outcomes(), [deposit.swept(5)]);
}
