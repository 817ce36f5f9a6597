// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Forwarder} from "./Forwarder.sol";

/// @title Deposit addresses, and the way out of them
/// @notice Each order has a deposit address for its recipient. Anybody may have what lies there sent on; it can go to
/// the recipient and nowhere else, because the recipient is a part of what the address is derived from.
/// @dev Nobody owns this contract, and it has no storage, no fee and no other version: whoever places it, on whichever
/// chain, gets the same contract at the same address. Token and chain are no part of a deposit address on purpose: a
/// wrong token, a late payment and a payment on the wrong chain stay within the recipient's reach.
contract ForwarderFactory {
    /// @notice A deposit to be sent on.
    struct Item {
        address recipient;
        bytes32 orderId;
        address token;
    }

    /// @dev What an item of a batch may use: some ten times what a usual one needs, because chains change their prices
    /// and this contract cannot. Who needs more goes by `sweep`, which has no limit.
    uint256 private constant ITEM_GAS = 1_000_000;

    /// @dev What must be left before an item. A call passes on at most 63/64 of it (EIP-150); the rest covers what is
    /// between the check and the call.
    uint256 private constant GAS_BEFORE_ITEM = ITEM_GAS + ITEM_GAS / 63 + 5_000;

    /// @dev How much of an item's reason for its failure is kept.
    uint256 private constant MAX_REASON_BYTES = 256;

    /// @dev EIP-1167, before and after the address of the contract that is cloned.
    bytes20 private constant CLONE_START = hex"3d602d80600a3d3981f3363d3d373d3d3d363d73";
    bytes15 private constant CLONE_END = hex"5af43d82803e903d91602b57fd5bf3";

    /// @dev What all clones run. The first contract that this one makes, so that its address follows from this one's.
    address private immutable IMPLEMENTATION = address(new Forwarder());

    /// @notice What lay at a deposit address was sent to the order's recipient.
    /// @param amount By how much less of the token the deposit address holds; never zero.
    event Swept(
        bytes32 indexed orderId, address indexed recipient, address indexed token, address deposit, uint256 amount
    );

    /// @notice An item of a batch failed, and its money is where it was. A fact about that moment and no other: a token
    /// may be locked while its own call is under way, and anybody can choose that moment.
    /// @param reason What the token or the recipient said, at most 256 bytes; nothing where the gas ran out.
    event SweepFailed(
        bytes32 indexed orderId, address indexed recipient, address indexed token, address deposit, bytes reason
    );

    /// @notice The batch was given too little gas to tell a failure from a shortage.
    error ShortOfGas();

    /// @notice Where the money for an order to a recipient is to be sent. The same on every chain.
    function depositAddress(address recipient, bytes32 orderId) external view returns (address) {
        return _depositAddress(recipient, orderId);
    }

    /// @notice Sends what lies at a deposit address to its recipient; the zero address stands for the chain's native
    /// money. Where nothing lies, nothing is sent and nothing is said. Reverts with the reason if it fails.
    /// @return amount How much was sent.
    function sweep(address recipient, bytes32 orderId, address token) external returns (uint256 amount) {
        address deposit = _depositAddress(recipient, orderId);
        if (deposit.code.length == 0) _place(recipient, orderId);
        amount = Forwarder(payable(deposit)).flush(token, recipient);
        if (amount != 0) emit Swept(orderId, recipient, token, deposit, amount);
    }

    /// @notice Sweeps many, each by itself: one that fails takes no other with it and is told as `SweepFailed`. A batch
    /// that is short of gas is refused as a whole, so that who sends it cannot make a good item look like a bad one.
    function sweepMany(Item[] calldata items) external {
        for (uint256 i = 0; i < items.length; ++i) {
            Item calldata item = items[i];
            bytes memory call = abi.encodeCall(this.sweep, (item.recipient, item.orderId, item.token));
            if (gasleft() < GAS_BEFORE_ITEM) revert ShortOfGas();
            (bool done, bytes memory reason) = _try(call);
            if (!done) {
                address deposit = _depositAddress(item.recipient, item.orderId);
                emit SweepFailed(item.orderId, item.recipient, item.token, deposit, reason);
            }
        }
    }

    /// @dev Calls this contract with an item's gas, and keeps the beginning of the reason if that fails. Written in
    /// assembly because Solidity's own call copies all of a reason, however long: one item could then use up the gas of
    /// the others.
    function _try(bytes memory data) private returns (bool done, bytes memory reason) {
        assembly ("memory-safe") {
            done := call(ITEM_GAS, address(), 0, add(data, 32), mload(data), 0, 0)
            let size := returndatasize()
            if gt(size, MAX_REASON_BYTES) { size := MAX_REASON_BYTES }
            reason := mload(64)
            mstore(reason, size)
            returndatacopy(add(reason, 32), 0, size)
            mstore(64, add(add(reason, 32), MAX_REASON_BYTES))
        }
    }

    /// @dev Places the clone of a deposit address.
    function _place(address recipient, bytes32 orderId) private {
        bytes memory code = _cloneCode();
        bytes32 salt = _salt(recipient, orderId);
        assembly ("memory-safe") {
            // It fails only for want of gas, and then what follows fails too.
            pop(create2(0, add(code, 32), mload(code), salt))
        }
    }

    /// @dev The CREATE2 address (EIP-1014) of a clone.
    function _depositAddress(address recipient, bytes32 orderId) private view returns (address) {
        bytes32 hash = keccak256(
            abi.encodePacked(bytes1(0xff), address(this), _salt(recipient, orderId), keccak256(_cloneCode()))
        );
        return address(uint160(uint256(hash)));
    }

    /// @dev Binds the order and its recipient to the deposit address.
    function _salt(address recipient, bytes32 orderId) private pure returns (bytes32) {
        return keccak256(abi.encode(recipient, orderId));
    }

    /// @dev The creation code of a clone.
    function _cloneCode() private view returns (bytes memory) {
        return abi.encodePacked(CLONE_START, IMPLEMENTATION, CLONE_END);
    }
}
