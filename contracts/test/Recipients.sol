// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Forwarder} from "../src/Forwarder.sol";
import {ForwarderFactory} from "../src/ForwarderFactory.sol";
import {PlainToken} from "./Tokens.sol";

/// @title A recipient that uses up all gas it gets
contract GasBurner {
    receive() external payable {
        while (true) {}
    }
}

/// @title A recipient that takes its money, and answers with as much as the gas of an item can pay for once
contract TakingBomber {
    receive() external payable {
        assembly {
            return(128, 640000)
        }
    }
}

/// @title A recipient that refuses its money, with as long a reason as the gas of an item can pay for once
contract RefusingBomber {
    receive() external payable {
        assembly {
            revert(128, 640000)
        }
    }
}

/// @title A recipient that uses the moment at which it is paid: it gives some back, and sweeps by itself
contract ReentrantRecipient {
    ForwarderFactory private immutable FACTORY;
    address private token;
    bytes32 private paidOrder;
    uint256 private toGiveBack;
    bytes32[] private toSweep;
    bool private within;

    /// How many sweeps within a sweep went through.
    uint256 public reentered;

    /// How often a forwarder obeyed it.
    uint256 public obeyed;

    constructor(ForwarderFactory factory) {
        FACTORY = factory;
    }

    /// Where it is paid in this token for the first order, give this much of it back to the order's address, and sweep
    /// these orders.
    function prepare(address token_, bytes32 paidOrder_, uint256 toGiveBack_, bytes32[] calldata toSweep_)
        external
        payable
    {
        (token, paidOrder, toGiveBack, toSweep) = (token_, paidOrder_, toGiveBack_, toSweep_);
    }

    receive() external payable {
        _use();
    }

    function received(address, uint256) external {
        _use();
    }

    function _use() private {
        if (within) return;
        within = true;
        address deposit = FACTORY.depositAddress(address(this), paidOrder);
        if (toGiveBack > 0) _giveBack(deposit);
        try Forwarder(payable(deposit)).flush(token, address(this)) {
            obeyed += 1;
        } catch {}
        for (uint256 i = 0; i < toSweep.length; ++i) {
            FACTORY.sweep(address(this), toSweep[i], token);
            reentered += 1;
        }
        within = false;
    }

    function _giveBack(address deposit) private {
        if (token == address(0)) {
            (bool given,) = deposit.call{value: toGiveBack}("");
            require(given, "giving back failed");
        } else {
            PlainToken(token).transfer(deposit, toGiveBack);
        }
    }
}

/// @title A recipient that is in the middle of something of its own, and takes no money until that is over
contract BusyRecipient {
    bool private busy;

    function callWhileBusy(address target, bytes calldata data) external {
        busy = true;
        (bool done,) = target.call(data);
        require(done, "the call failed");
        busy = false;
    }

    receive() external payable {
        require(!busy, "busy");
    }
}

/// @title A recipient that takes no money unless it is given this much gas
contract HungryRecipient {
    uint256 public need;

    /// With how much gas the last payment came.
    uint256 public given;

    function setNeed(uint256 need_) external {
        need = need_;
    }

    receive() external payable {
        given = gasleft();
        require(given >= need, "too little gas");
    }
}
