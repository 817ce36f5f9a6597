//! One deposit at a time: in every case the recipient gets the money, and no other account does.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{Panic, PanicKind, Revert, SolCall as _, SolError as _, SolEvent as _, SolValue as _};

use crate::abi::{Forwarder, Payer, ReentrantRecipient, Token};
use crate::local_chain::{Deposit, LocalChain, NATIVE, Outcome, factory, somebody, sweep_many};

#[tokio::test]
async fn a_strangers_sweep_pays_the_recipient() {
    let chain = LocalChain::start().await;
    for token in ["PlainToken", "SilentToken"] {
        let token = chain.place(token).await;
        let recipient = somebody();
        let deposit = chain.paid(recipient, token, 1_000).await;
        assert_eq!(chain.call(factory(), &deposit.sweep()).await, U256::from(1_000));
        let receipt = chain.must(factory(), &deposit.sweep()).await;
        assert_eq!(receipt.outcomes(), [deposit.swept(1_000)]);
        assert_eq!(chain.holds(recipient, token).await, 1_000);
        assert_eq!(chain.holds(deposit.address(), token).await, 0);
        assert_eq!(chain.holds(chain.stranger, token).await, 0);
    }
}

#[tokio::test]
async fn native_money_is_swept_however_it_came() {
    let chain = LocalChain::start().await;
    let recipient = somebody();
    let deposit = chain.paid(recipient, NATIVE, 700).await;
    let payer = chain.place("Payer").await;
    let pay = Payer::payCall { to: deposit.address() }.abi_encode();
    // Both ways before the clone is there, and both once it is.
    for round in 1..=2 {
        assert!(chain.send(payer, 300, &pay).await.succeeded());
        let receipt = chain.must(factory(), &deposit.sweep()).await;
        assert_eq!(receipt.outcomes(), [deposit.swept(1_000)]);
        assert_eq!(chain.holds(recipient, NATIVE).await, round * 1_000);
        assert_eq!(chain.holds(deposit.address(), NATIVE).await, 0);
        chain.pay(deposit, 700).await;
    }
}

#[tokio::test]
async fn a_second_sweep_moves_nothing_and_says_nothing() {
    let chain = LocalChain::start().await;
    let token = chain.place("PlainToken").await;
    for deposit in [chain.paid(somebody(), token, 9).await, chain.paid(somebody(), NATIVE, 9).await] {
        chain.must(factory(), &deposit.sweep()).await;
        let receipt = chain.must(factory(), &deposit.sweep()).await;
        assert!(receipt.logs.is_empty(), "{receipt:?}");
        assert_eq!(chain.call(factory(), &deposit.sweep()).await, U256::ZERO);
        assert_eq!(chain.holds(deposit.recipient, deposit.token).await, 9);
    }
}

#[tokio::test]
async fn money_that_comes_late_or_in_another_token_is_swept_to_the_same_recipient() {
    let chain = LocalChain::start().await;
    let (token, other) = (chain.place("PlainToken").await, chain.place("SilentToken").await);
    let recipient = somebody();
    let deposit = chain.paid(recipient, token, 5).await;
    chain.must(factory(), &deposit.sweep()).await;

    chain.pay(deposit, 6).await;
    let receipt = chain.must(factory(), &deposit.sweep()).await;
    assert_eq!(receipt.outcomes(), [deposit.swept(6)]);
    assert_eq!(chain.holds(recipient, token).await, 11);

    for token in [other, NATIVE] {
        let wrong = Deposit { token, ..deposit };
        chain.pay(wrong, 7).await;
        let receipt = chain.must(factory(), &wrong.sweep()).await;
        assert_eq!(receipt.outcomes(), [wrong.swept(7)]);
        assert_eq!(chain.holds(recipient, token).await, 7);
    }
}

#[tokio::test]
async fn nobody_but_the_factory_can_move_a_thing() {
    let chain = LocalChain::start().await;
    let token = chain.place("PlainToken").await;
    let deposit = chain.paid(somebody(), token, 5).await;
    chain.must(factory(), &deposit.sweep()).await;
    chain.pay(deposit, 5).await;
    let native = Deposit { token: NATIVE, ..deposit };
    chain.pay(native, 5).await;
    let implementation = factory().create(1);
    chain.must(token, &Token::mintCall { to: implementation, amount: U256::from(5) }).await;

    // Neither at the deposit address nor at the code that it runs.
    for target in [deposit.address(), implementation] {
        for token in [token, NATIVE] {
            let flush = Forwarder::flushCall { token, to: chain.stranger };
            let reason = chain.try_call(target, &flush).await.unwrap_err();
            assert_eq!(reason[..], Forwarder::OnlyTheFactory::SELECTOR);
            assert!(!chain.execute(target, &flush).await.succeeded());
        }
    }
    // Nor by calling the order one's own: that is another address.
    for stolen in [deposit, native].map(|deposit| Deposit { recipient: chain.stranger, ..deposit }) {
        assert!(chain.must(factory(), &stolen.sweep()).await.logs.is_empty());
        assert!(chain.must(factory(), &sweep_many(&[stolen])).await.logs.is_empty());
    }
    assert_eq!(chain.holds(deposit.address(), token).await, 5);
    assert_eq!(chain.holds(deposit.address(), NATIVE).await, 5);
    assert_eq!(chain.holds(chain.stranger, token).await, 0);
}

#[tokio::test]
async fn a_failed_sweep_gives_its_reason_and_leaves_the_money() {
    let chain = LocalChain::start().await;
    let recipient = somebody();

    let blocking = chain.place("BlockingToken").await;
    chain.must(blocking, &Token::setBlockedCall { account: recipient, value: true }).await;
    let deposit = chain.paid(recipient, blocking, 5).await;
    let reason = chain.try_call(factory(), &deposit.sweep()).await.unwrap_err();
    assert_eq!(Revert::abi_decode(&reason).unwrap().reason, "the account is blocked");
    assert!(!chain.execute(factory(), &deposit.sweep()).await.succeeded());
    assert_eq!(chain.holds(deposit.address(), blocking).await, 5);

    for token in ["RefusingToken", "MumblingToken"] {
        let deposit = chain.paid(recipient, chain.place(token).await, 5).await;
        let reason = chain.try_call(factory(), &deposit.sweep()).await.unwrap_err();
        assert_eq!(reason[..], Forwarder::TransferRefused::SELECTOR, "{token}");
    }
}

#[tokio::test]
async fn a_token_that_keeps_a_fee_leaves_nothing_behind() {
    let chain = LocalChain::start().await;
    let token = chain.place("FeeToken").await;
    let deposit = chain.paid(somebody(), token, 1_000).await;
    let receipt = chain.must(factory(), &deposit.sweep()).await;
    // What left the address. What arrived is in the token's own log, as the service reads it.
    assert_eq!(receipt.outcomes(), [deposit.swept(1_000)]);
    let arrived = receipt.logs.iter().find_map(|log| {
        let transfer = Token::Transfer::decode_log(log).ok()?;
        (transfer.to == deposit.recipient).then_some(transfer.data.amount)
    });
    assert_eq!(arrived, Some(U256::from(900)));
    assert_eq!(chain.holds(deposit.recipient, token).await, 900);
    assert_eq!(chain.holds(deposit.address(), token).await, 0);
}

/// What a recipient does while it is paid 100 for an order.
struct Use<'a> {
    paid: Deposit,
    gives_back: u64,
    sweeps: &'a [Deposit],
}

impl Use<'_> {
    /// What the factory said.
    async fn outcomes(&self, chain: &LocalChain) -> Vec<Outcome> {
        let Deposit { recipient, token, .. } = self.paid;
        let prepare = ReentrantRecipient::prepareCall {
            token,
            paidOrder: self.paid.order_id(),
            toGiveBack: U256::from(self.gives_back),
            toSweep: self.sweeps.iter().map(|deposit| deposit.order_id()).collect(),
        };
        chain.must(recipient, &prepare).await;
        let outcomes = chain.must(factory(), &sweep_many(&[self.paid])).await.outcomes();
        // Whatever else it did, no forwarder obeyed it.
        assert_eq!(chain.call(recipient, &ReentrantRecipient::obeyedCall {}).await, U256::ZERO);
        outcomes
    }
}

async fn reentrant_recipient(chain: &LocalChain) -> Address {
    chain.place_with("ReentrantRecipient", &factory().abi_encode()).await
}

#[tokio::test]
async fn a_recipient_that_sweeps_within_a_sweep_gets_each_deposit_once() {
    let chain = LocalChain::start().await;
    for token in [NATIVE, chain.place("HookToken").await] {
        let recipient = reentrant_recipient(&chain).await;
        let paid = chain.paid(recipient, token, 100).await;
        let others = [chain.paid(recipient, token, 20).await, chain.paid(recipient, token, 3).await];
        let sweeps = [paid, others[0], others[1], paid];
        let outcomes = Use { paid, gives_back: 0, sweeps: &sweeps }.outcomes(&chain).await;
        assert_eq!(outcomes, [others[0].swept(20), others[1].swept(3), paid.swept(100)]);
        assert_eq!(chain.call(recipient, &ReentrantRecipient::reenteredCall {}).await, U256::from(4));
        assert_eq!(chain.holds(recipient, token).await, 123);
    }
}

#[tokio::test]
async fn what_a_recipient_gives_back_and_sweeps_again_is_counted_as_often_as_it_moves() {
    let chain = LocalChain::start().await;
    for token in [NATIVE, chain.place("HookToken").await] {
        let recipient = reentrant_recipient(&chain).await;
        let paid = chain.paid(recipient, token, 100).await;
        let outcomes = Use { paid, gives_back: 40, sweeps: &[paid] }.outcomes(&chain).await;
        assert_eq!(outcomes, [paid.swept(40), paid.swept(100)]);
        assert_eq!(chain.holds(recipient, token).await, 100);
        assert_eq!(chain.holds(paid.address(), token).await, 0);
    }
}

#[tokio::test]
async fn what_a_recipient_gives_back_and_leaves_is_not_counted() {
    let chain = LocalChain::start().await;
    for token in [NATIVE, chain.place("HookToken").await] {
        for (gives_back, counted) in [(40, Some(60)), (99, Some(1)), (100, None)] {
            let recipient = reentrant_recipient(&chain).await;
            let paid = chain.paid(recipient, token, 100).await;
            let outcomes = Use { paid, gives_back, sweeps: &[] }.outcomes(&chain).await;
            let expected: Vec<_> = counted.map(|amount| paid.swept(amount)).into_iter().collect();
            assert_eq!(outcomes, expected, "{gives_back}");
            assert_eq!(chain.holds(recipient, token).await, 100 - gives_back);
            assert_eq!(chain.holds(paid.address(), token).await, gives_back);
        }
    }
}

#[tokio::test]
async fn a_recipient_that_gives_back_more_than_it_got_undoes_its_own_sweep() {
    let chain = LocalChain::start().await;
    let token = chain.place("HookToken").await;
    let recipient = reentrant_recipient(&chain).await;
    chain.must(token, &Token::mintCall { to: recipient, amount: U256::from(50) }).await;
    let paid = chain.paid(recipient, token, 100).await;
    let outcomes = Use { paid, gives_back: 101, sweeps: &[] }.outcomes(&chain).await;
    let panic = Panic::from(PanicKind::UnderOverflow).abi_encode();
    assert_eq!(outcomes, [paid.failed(panic)]);
    assert_eq!(chain.holds(recipient, token).await, 50);
    assert_eq!(chain.holds(paid.address(), token).await, 100);
}
