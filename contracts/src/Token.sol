// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What is used of an ERC-20 token
interface Token {
    /// @notice How much an account holds.
    function balanceOf(address account) external view returns (uint256);

    /// @notice Gives of the caller's money. Declared to return a boolean, but some tokens return nothing.
    function transfer(address to, uint256 amount) external returns (bool);
}
