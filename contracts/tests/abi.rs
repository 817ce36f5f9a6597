//! The ABI that everybody builds against, and that of the contracts which the tests put in the factory's way.

use alloy_sol_types::sol;

sol! {
    interface Factory {
        struct Item { address recipient; bytes32 orderId; address token; }

        event Swept(
            bytes32 indexed orderId, address indexed recipient, address indexed token, address deposit, uint256 amount
        );
        event SweepFailed(
            bytes32 indexed orderId, address indexed recipient, address indexed token, address deposit, bytes reason
        );

        error ShortOfGas();

        function depositAddress(address recipient, bytes32 orderId) external view returns (address);
        function sweep(address recipient, bytes32 orderId, address token) external returns (uint256 amount);
        function sweepMany(Item[] calldata items) external;
    }

    interface Forwarder {
        error OnlyTheFactory();
        error TransferRefused();

        function flush(address token, address to) external returns (uint256 amount);
    }

    interface Token {
        event Transfer(address indexed from, address indexed to, uint256 amount);

        function mint(address to, uint256 amount) external;
        function balanceOf(address account) external view returns (uint256);
        function transfer(address to, uint256 amount) external returns (bool);
        function setBlocked(address account, bool value) external;
    }

    interface Payer {
        function pay(address to) external payable;
    }

    interface ReentrantRecipient {
        function prepare(address token, bytes32 paidOrder, uint256 toGiveBack, bytes32[] calldata toSweep)
            external payable;
        function reentered() external view returns (uint256);
        function obeyed() external view returns (uint256);
    }

    interface BusyRecipient {
        function callWhileBusy(address target, bytes calldata data) external;
    }

    interface HungryRecipient {
        function setNeed(uint256 need) external;
        function given() external view returns (uint256);
    }
}
