//! The calls and events of the token's and the factory's contracts.
//!
//! Tokens are hostile: any contract can write a log with the topic of `Transfer` and any data. A log is read
//! only if it equals, byte for byte, the encoding of the values in it.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall as _, SolEvent, sol};

use crate::log::{Log, LogPosition};

sol! {
    interface Erc20 {
        event Transfer(address indexed from, address indexed to, uint256 value);
        function transfer(address to, uint256 value) returns (bool);
        function balanceOf(address owner) view returns (uint256);
        function decimals() view returns (uint8);
    }

    interface Factory {
        struct Item { address recipient; bytes32 orderId; address token; }
        event Swept(
            bytes32 indexed orderId, address indexed recipient, address indexed token,
            address deposit, uint256 amount
        );
        event SweepFailed(
            bytes32 indexed orderId, address indexed recipient, address indexed token,
            address deposit, bytes reason
        );
        function depositAddress(address recipient, bytes32 orderId) view returns (address);
        function sweep(address recipient, bytes32 orderId, address token) returns (uint256 amount);
        function sweepMany(Item[] calldata items);
    }
}

/// The topic of a token's `Transfer`.
pub const TRANSFER: B256 = Erc20::Transfer::SIGNATURE_HASH;
/// The topic of the factory's `Swept`.
pub const SWEPT: B256 = Factory::Swept::SIGNATURE_HASH;
/// The topic of the factory's `SweepFailed`.
pub const SWEEP_FAILED: B256 = Factory::SweepFailed::SIGNATURE_HASH;

/// Returns an order's id in the contracts: 16 zero bytes, then the 16 bytes of its UUID.
pub fn order_word(order: [u8; 16]) -> B256 {
    U256::from(u128::from_be_bytes(order)).into()
}

/// Returns the order of a word, or `None` if it is no order's. Anyone can sweep with any word.
pub fn order_of(word: B256) -> Option<[u8; 16]> {
    let (zeros, order) = word.split_at(16);
    if zeros.iter().all(|byte| *byte == 0) { order.try_into().ok() } else { None }
}

/// A sweep of the whole balance that an order's deposit address has in one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// The recipient of the order.
    pub recipient: Address,
    /// The order.
    pub order: B256,
    /// The token. The zero address is the native one.
    pub token: Address,
}

/// Encodes a call of the factory's `sweepMany`.
pub fn sweep_many(sweeps: &[Sweep]) -> Bytes {
    let item =
        |&Sweep { recipient, order, token }: &Sweep| Factory::Item { recipient, orderId: order, token };
    Factory::sweepManyCall { items: sweeps.iter().map(item).collect() }.abi_encode().into()
}

/// Encodes a call of the factory's `sweep`.
pub fn sweep(Sweep { recipient, order, token }: Sweep) -> Bytes {
    Factory::sweepCall { recipient, orderId: order, token }.abi_encode().into()
}

/// Encodes a call of the factory's `depositAddress`. It returns one word.
pub fn deposit_address(recipient: Address, order: B256) -> Bytes {
    Factory::depositAddressCall { recipient, orderId: order }.abi_encode().into()
}

/// Encodes a call of a token's `transfer`.
pub fn transfer(to: Address, amount: U256) -> Bytes {
    Erc20::transferCall { to, value: amount }.abi_encode().into()
}

/// Encodes a call of a token's `balanceOf`.
pub fn balance_of(owner: Address) -> Bytes {
    Erc20::balanceOfCall { owner }.abi_encode().into()
}

/// Encodes a call of a token's `decimals`.
pub fn decimals() -> Bytes {
    Erc20::decimalsCall {}.abi_encode().into()
}

/// A token transfer, as the token's contract reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// The contract that wrote the log. It is trusted as far as the token is.
    pub token: Address,
    /// The sender.
    pub from: Address,
    /// The recipient.
    pub to: Address,
    /// The amount in the token's smallest unit.
    pub amount: U256,
    /// The position of the log.
    pub position: LogPosition,
}

impl Transfer {
    /// Reads a log. Returns `None` if no fungible token was transferred, or if the log was removed.
    pub fn read(log: &Log) -> Option<Self> {
        let Erc20::Transfer { from, to, value } = event(log)?;
        Some(Self { token: log.address, from, to, amount: value, position: log.position })
    }
}

/// The result of a sweep, as the factory reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepLog {
    /// The order.
    pub order: B256,
    /// The recipient of the order.
    pub recipient: Address,
    /// The token.
    pub token: Address,
    /// The order's deposit address.
    pub deposit: Address,
    /// The outcome.
    pub outcome: SweepOutcome,
    /// The position of the log.
    pub position: LogPosition,
}

/// The outcome of a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SweepOutcome {
    /// The recipient received this amount.
    Swept(U256),
    /// Nothing moved. Contains the token's reason as raw bytes: a hostile token can return anything.
    Failed(Bytes),
}

impl SweepLog {
    /// Reads a log of this factory. Returns `None` if it is another contract's, no sweep, or was removed.
    pub fn read(log: &Log, factory: Address) -> Option<Self> {
        if log.address != factory {
            return None;
        }
        let position = log.position;
        if let Some(Factory::Swept { orderId: order, recipient, token, deposit, amount }) = event(log) {
            return Some(Self {
                order,
                recipient,
                token,
                deposit,
                outcome: SweepOutcome::Swept(amount),
                position,
            });
        }
        let Factory::SweepFailed { orderId: order, recipient, token, deposit, reason } = event(log)?;
        Some(Self { order, recipient, token, deposit, outcome: SweepOutcome::Failed(reason), position })
    }
}

/// Returns the event in a log, if the log is exactly the encoding of the event's values. The decoder alone
/// accepts dirt in an address's upper bytes, and data after the declared values.
fn event<E: SolEvent>(log: &Log) -> Option<E> {
    if log.removed {
        return None;
    }
    let event = E::decode_raw_log(log.topics.iter().copied(), &log.data).ok()?;
    let declared = event.encode_log_data();
    (declared.topics() == log.topics && declared.data == log.data).then_some(event)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256, hex, keccak256};
    use proptest::prelude::*;

    use super::*;

    const TOKEN: Address = address!("833589fcd6edb6e08f4c7c32d4f71b54bda02913");
    const FACTORY: Address = address!("b8f034f6ab8280ad7534f4850e0c243dc4f92a0d");
    const PAYER: Address = address!("00000000000000000000000000000000000000a1");
    const PAYEE: Address = address!("00000000000000000000000000000000000000a2");
    const DEPOSIT: Address = address!("7b27a06b3b4fe107988d5ea5fb0315520346d1f9");
    const ORDER: B256 = b256!("000000000000000000000000000000005392f7a7d4724d6b9848bd07117fb82d");

    fn log(address: Address, topics: Vec<B256>, data: impl Into<Bytes>) -> Log {
        let position = LogPosition {
            block_number: 7,
            log_index: 3,
            block_hash: B256::repeat_byte(1),
            transaction_hash: B256::repeat_byte(2),
        };
        Log { address, topics, data: data.into(), position, removed: false }
    }

    fn transfer_log() -> Log {
        let topics = vec![TRANSFER, PAYER.into_word(), PAYEE.into_word()];
        log(TOKEN, topics, U256::from(5_000_000).to_be_bytes_vec())
    }

    fn sweep_topics(event: B256) -> Vec<B256> {
        vec![event, ORDER, PAYEE.into_word(), TOKEN.into_word()]
    }

    fn swept_log() -> Log {
        let data = [DEPOSIT.into_word(), U256::from(42).into()].concat();
        log(FACTORY, sweep_topics(SWEPT), data)
    }

    fn failed_log(reason: [u8; 32]) -> Log {
        let words: [B256; 3] = [DEPOSIT.into_word(), U256::from(64).into(), U256::from(3).into()];
        log(FACTORY, sweep_topics(SWEEP_FAILED), [words.concat(), reason.to_vec()].concat())
    }

    #[test]
    fn topics_are_the_hashes_of_the_declarations() {
        assert_eq!(TRANSFER, b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"));
        assert_eq!(SWEPT, keccak256("Swept(bytes32,address,address,address,uint256)"));
        assert_eq!(SWEEP_FAILED, keccak256("SweepFailed(bytes32,address,address,address,bytes)"));
    }

    #[test]
    fn a_transfer_is_read() {
        let log = transfer_log();
        let transfer = Transfer {
            token: TOKEN,
            from: PAYER,
            to: PAYEE,
            amount: U256::from(5_000_000),
            position: log.position,
        };
        assert_eq!(Transfer::read(&log), Some(transfer));
    }

    #[test]
    fn a_removed_log_is_none() {
        assert_eq!(Transfer::read(&Log { removed: true, ..transfer_log() }), None);
        assert_eq!(SweepLog::read(&Log { removed: true, ..swept_log() }, FACTORY), None);
    }

    #[test]
    fn a_transfer_of_another_shape_is_none() {
        let Log { topics, data, .. } = transfer_log();
        let with_topics = |topics: Vec<B256>| log(TOKEN, topics, data.clone());
        let with_data = |data: Vec<u8>| log(TOKEN, topics.clone(), data);
        let dirty =
            PAYEE.into_word() | b256!("0000000000000000000000010000000000000000000000000000000000000000");
        for (log, what) in [
            (with_topics(vec![]), "no topics"),
            (with_topics(topics[..2].to_vec()), "no recipient"),
            (log(TOKEN, [topics.clone(), vec![ORDER]].concat(), []), "a token that is not fungible"),
            (with_topics([topics.clone(), vec![ORDER]].concat()), "a topic too many"),
            (with_topics(vec![SWEPT, topics[1], topics[2]]), "another event"),
            (with_topics(vec![TRANSFER, topics[1], dirty]), "dirt above the recipient"),
            (
                log(TOKEN, vec![TRANSFER], [topics[1].to_vec(), topics[2].to_vec(), data.to_vec()].concat()),
                "nothing indexed",
            ),
            (with_data(vec![]), "no amount"),
            (with_data(vec![0; 31]), "half an amount"),
            (with_data(vec![0; 33]), "a byte too many"),
            (with_data(vec![0; 64]), "a word too many"),
        ] {
            assert_eq!(Transfer::read(&log), None, "{what}");
        }
    }

    #[test]
    fn a_sweep_is_read() {
        let log = swept_log();
        let outcome = SweepOutcome::Swept(U256::from(42));
        let swept = SweepLog {
            order: ORDER,
            recipient: PAYEE,
            token: TOKEN,
            deposit: DEPOSIT,
            outcome,
            position: log.position,
        };
        assert_eq!(SweepLog::read(&log, FACTORY), Some(swept));
    }

    #[test]
    fn a_failed_sweep_is_read_with_its_reason() {
        let mut reason = [0; 32];
        reason[..3].copy_from_slice(b"no!");
        let outcome = SweepLog::read(&failed_log(reason), FACTORY).unwrap().outcome;
        assert_eq!(outcome, SweepOutcome::Failed(Bytes::from_static(b"no!")));
    }

    #[test]
    fn a_sweep_of_another_factory_or_shape_is_none() {
        let swept = swept_log();
        assert_eq!(SweepLog::read(&Log { address: TOKEN, ..swept.clone() }, FACTORY), None);
        assert_eq!(
            SweepLog::read(&Log { topics: swept.topics[..3].to_vec(), ..swept.clone() }, FACTORY),
            None
        );
        assert_eq!(
            SweepLog::read(&Log { topics: sweep_topics(SWEEP_FAILED), ..swept.clone() }, FACTORY),
            None
        );
        assert_eq!(
            SweepLog::read(&Log { data: [swept.data.to_vec(), vec![0]].concat().into(), ..swept }, FACTORY),
            None
        );
        // Padding that is not zero, and an offset that points past the end.
        assert_eq!(SweepLog::read(&failed_log([1; 32]), FACTORY), None);
        let far = [DEPOSIT.into_word(), U256::MAX.into(), U256::MAX.into()].concat();
        assert_eq!(SweepLog::read(&log(FACTORY, sweep_topics(SWEEP_FAILED), far), FACTORY), None);
    }

    #[test]
    fn an_order_and_its_word_are_one_to_one() {
        let uuid = hex!("5392f7a7d4724d6b9848bd07117fb82d");
        assert_eq!(order_word(uuid), ORDER);
        assert_eq!(order_of(ORDER), Some(uuid));
        assert_eq!(order_of(b256!("000000000000000000000000000000015392f7a7d4724d6b9848bd07117fb82d")), None);
    }

    #[test]
    fn sweeps_are_encoded_as_the_contract_reads_them() {
        let sweep = Sweep { recipient: PAYEE, order: ORDER, token: TOKEN };
        let words = |numbers: &[u64]| {
            numbers.iter().flat_map(|n| U256::from(*n).to_be_bytes_vec()).collect::<Vec<u8>>()
        };
        let item = [PAYEE.into_word(), ORDER, TOKEN.into_word()].concat();
        let selector = &keccak256("sweepMany((address,bytes32,address)[])")[..4];
        let expected = [selector, &words(&[32, 2]), &item, &item].concat();
        assert_eq!(sweep_many(&[sweep, sweep]), expected);
        let alone = [&keccak256("sweep(address,bytes32,address)")[..4], &item].concat();
        assert_eq!(super::sweep(sweep), alone);
    }

    #[test]
    fn calls_of_a_token_are_encoded_as_it_reads_them() {
        assert_eq!(balance_of(PAYEE), [hex!("70a08231").as_slice(), PAYEE.into_word().as_slice()].concat());
        let amount = U256::from(5).to_be_bytes_vec();
        assert_eq!(
            transfer(PAYEE, U256::from(5)),
            [hex!("a9059cbb").to_vec(), PAYEE.into_word().to_vec(), amount].concat()
        );
        let ours = [PAYEE.into_word(), ORDER].concat();
        let selector = &keccak256("depositAddress(address,bytes32)")[..4];
        assert_eq!(deposit_address(PAYEE, ORDER), [selector, &ours].concat());
    }

    proptest! {
        /// A token may write anything.
        #[test]
        fn no_log_is_read_for_what_it_is_not(
            event in prop::sample::select(vec![TRANSFER, SWEPT, SWEEP_FAILED]),
            topics in prop::collection::vec(any::<[u8; 32]>(), 0..5),
            data in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 32, 64, 255]), 0..200),
        ) {
            let topics = [vec![event], topics.into_iter().map(B256::from).collect()].concat();
            let log = log(FACTORY, topics, data);
            if let Some(transfer) = Transfer::read(&log) {
                prop_assert_eq!(log.topics.len(), 3);
                prop_assert_eq!(transfer.amount.to_be_bytes_vec(), log.data.to_vec());
            }
            let _no_panic = SweepLog::read(&log, FACTORY);
        }
    }
}
