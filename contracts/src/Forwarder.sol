// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Token} from "./Token.sol";

/// @title Where the payer's money waits
/// @notice Each deposit address holds a clone of this contract once its money is forwarded. It gives all that it holds
/// of a token to whom its factory names, and the factory can name only the recipient that the address is derived from.
/// @dev It has no storage: the clones share this code, and the factory's address is a part of it.
contract Forwarder {
    /// @dev How much of what a recipient or a token says about its failure is passed on.
    uint256 private constant MAX_REASON_BYTES = 256;

    /// @dev The contract that made this one: the only one that may command it and its clones.
    address private immutable FACTORY = msg.sender;

    /// @notice Somebody else than the factory called.
    error OnlyTheFactory();

    /// @notice The token answered its `transfer` with something else than true.
    error TransferRefused();

    /// @notice Takes money that comes after the clone was placed.
    receive() external payable {}

    /// @notice Gives all that is held of a token to `to`; the zero address stands for the chain's native money.
    /// @return amount By how much less is held afterwards. It is measured and not what was asked for, so that neither a
    /// token that moves nothing nor a recipient that gives some back makes it untrue. What a token takes as its fee is
    /// in it: the token's own `Transfer` shows what arrived.
    function flush(address token, address to) external returns (uint256 amount) {
        if (msg.sender != FACTORY) revert OnlyTheFactory();
        uint256 held = _held(token);
        if (held == 0) return 0;
        if (token == address(0)) {
            _call(to, held, "");
        } else if (!_call(token, 0, abi.encodeCall(Token.transfer, (to, held)))) {
            revert TransferRefused();
        }
        return held - _held(token);
    }

    /// @dev What is held of a token. Where there is no contract there is no token, and nothing of it.
    function _held(address token) private view returns (uint256) {
        if (token == address(0)) return address(this).balance;
        if (token.code.length == 0) return 0;
        return Token(token).balanceOf(address(this));
    }

    /// @dev Calls, reverts with the callee's reason if that fails, and tells whether the answer is empty or true.
    /// Tokens of the first years answer nothing. Written in assembly because Solidity's own call copies whatever comes
    /// back: a callee that answers a megabyte would have its caller pay for the memory.
    function _call(address callee, uint256 value, bytes memory data) private returns (bool agreed) {
        assembly ("memory-safe") {
            let done := call(gas(), callee, value, add(data, 32), mload(data), 0, 32)
            let size := returndatasize()
            if iszero(done) {
                if gt(size, MAX_REASON_BYTES) { size := MAX_REASON_BYTES }
                let reason := mload(64)
                returndatacopy(reason, 0, size)
                revert(reason, size)
            }
            agreed := or(iszero(size), and(gt(size, 31), eq(mload(0), 1)))
        }
    }
}
