// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Tokens as they are met, apart from those that do what ERC-20 says. One contract with a manner.
contract HostileToken {
    enum Manner {
        /// Moves nothing and answers false.
        AnswersFalse,
        /// Reverts for accounts on its list.
        Blacklists,
        /// Keeps a hundredth of what is moved.
        TakesFee,
        /// Moves, and answers nothing at all.
        AnswersNothing,
        /// Moves nothing, answers true, and says nothing of it.
        Lies,
        /// Calls the recipient before it moves, as some tokens do.
        CallsRecipient
    }

    string public constant name = 'Hostile';
    string public constant symbol = 'HOST';
    uint8 public constant decimals = 6;
    Manner public immutable manner;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public listed;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    constructor(Manner manner_) {
        manner = manner_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function list(address account, bool is_) external {
        listed[account] = is_;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        require(allowance[from][msg.sender] >= amount, 'allowance');
        if (allowance[from][msg.sender] != type(uint256).max) allowance[from][msg.sender] -= amount;
        return move(from, to, amount);
    }

    function move(address from, address to, uint256 amount) private returns (bool) {
        if (manner == Manner.AnswersFalse) return false;
        if (manner == Manner.Lies) return true;
        if (manner == Manner.Blacklists) require(!listed[to] && !listed[from], 'blacklisted');
        if (manner == Manner.CallsRecipient && to.code.length > 0) {
            (bool done,) = to.call(abi.encodeWithSignature('tokensToReceive()'));
            require(done, 'recipient');
        }
        uint256 fee = manner == Manner.TakesFee ? amount / 100 : 0;
        balanceOf[from] -= amount;
        balanceOf[to] += amount - fee;
        emit Transfer(from, to, amount - fee);
        if (fee > 0) {
            balanceOf[address(this)] += fee;
            emit Transfer(from, address(this), fee);
        }
        if (manner == Manner.AnswersNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}
