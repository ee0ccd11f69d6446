// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IBondingManager} from './Interfaces.sol';
import {Poll} from './Poll.sol';

/// Opens polls for whoever has enough stake, of its own or delegated to it.
contract PollCreator {
    uint256 public constant QUORUM = 333300;
    uint256 public constant QUOTA = 500000;
    /// In L1 blocks.
    uint256 public constant POLL_PERIOD = 57600;
    uint256 public constant POLL_CREATION_COST = 100 ether;

    address public immutable bondingManager;

    event PollCreated(address indexed poll, bytes proposal, uint256 endBlock, uint256 quorum, uint256 quota);

    constructor(address bondingManagerAddress) {
        bondingManager = bondingManagerAddress;
    }

    function createPoll(bytes calldata proposal) external {
        IBondingManager bonding = IBondingManager(bondingManager);
        require(
            bonding.transcoderTotalStake(msg.sender) >= POLL_CREATION_COST ||
                bonding.pendingStake(msg.sender, 0) >= POLL_CREATION_COST,
            'PollCreator#createPoll: INSUFFICIENT_STAKE'
        );
        uint256 endBlock = block.number + POLL_PERIOD;
        Poll poll = new Poll(endBlock);
        emit PollCreated(address(poll), proposal, endBlock, QUORUM, QUOTA);
    }
}
