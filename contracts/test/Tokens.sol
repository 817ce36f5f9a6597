// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title An honest token, and what the others are made from
contract PlainToken {
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 amount);

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function transfer(address to, uint256 amount) public virtual returns (bool) {
        _move(to, amount);
        return true;
    }

    function _move(address to, uint256 amount) internal {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        emit Transfer(msg.sender, to, amount);
    }
}

/// @title The USDC of the local run: play money that wallets can show
contract PlayDollar is PlainToken {
    string public constant name = "USD Coin (play money)";
    string public constant symbol = "USDC";
    uint8 public constant decimals = 6;
}

/// @title A token of the first years: its `transfer` returns nothing
contract SilentToken is PlainToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        _move(to, amount);
        assembly {
            return(0, 0)
        }
    }
}

/// @title A token that keeps a tenth of what is sent
contract FeeToken is PlainToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        _move(to, amount - amount / 10);
        _move(address(this), amount / 10);
        return true;
    }
}

/// @title A token that refuses some recipients
contract BlockingToken is PlainToken {
    mapping(address => bool) public blocked;

    function setBlocked(address account, bool value) external {
        blocked[account] = value;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        require(!blocked[to], "the account is blocked");
        return super.transfer(to, amount);
    }
}

/// @title A token that answers false where others revert
contract RefusingToken is PlainToken {
    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @title A token that answers with less than a word
contract MumblingToken is PlainToken {
    function transfer(address, uint256) public pure override returns (bool) {
        assembly {
            mstore(0, not(0))
            return(0, 31)
        }
    }
}

/// @title A token that says that everybody has some and that every transfer succeeds, and moves nothing
contract FakeToken {
    function balanceOf(address) external pure returns (uint256) {
        return 1_000_000;
    }

    function transfer(address, uint256) external pure returns (bool) {
        return true;
    }
}

/// @title A token that never comes to an end, be it only asked for a balance
contract EndlessToken {
    function balanceOf(address) external pure returns (uint256) {
        while (true) {}
        return 1;
    }
}

/// @title A token that has no balance to tell, and a reason of 200,000 bytes for it
contract BombToken {
    function balanceOf(address) external pure returns (uint256) {
        assembly {
            revert(128, 200000)
        }
    }
}

/// @title A token that tells the recipient of what it gets, while its own call is under way
contract HookToken is PlainToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        _move(to, amount);
        if (to.code.length > 0) {
            // Who does not listen gets its money all the same.
            (bool heard,) = to.call(abi.encodeWithSignature("received(address,uint256)", msg.sender, amount));
            heard;
        }
        return true;
    }
}
