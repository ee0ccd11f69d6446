// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// A question to all stake: answers are events, counted off chain when the last block has passed.
contract Poll {
    uint256 public immutable endBlock;

    event Vote(address indexed voter, uint256 choiceID);

    constructor(uint256 lastBlock) {
        endBlock = lastBlock;
    }

    /// 0 is yes, 1 is no.
    function vote(uint256 choiceID) external {
        require(block.number <= endBlock, 'poll is over');
        emit Vote(msg.sender, choiceID);
    }
}
