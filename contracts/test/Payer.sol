// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A payer that is a contract: its payments are calls within a transaction, which no transaction's `to` shows
contract Payer {
    function pay(address payable to) external payable {
        (bool paid,) = to.call{value: msg.value}("");
        require(paid, "the payment failed");
    }
}
