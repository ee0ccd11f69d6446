// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fractions} from './Fractions.sol';
import {IBondingManager, IMinter} from './Interfaces.sol';
import {Manager} from './Manager.sol';
import {ProxyTarget} from './ProxyTarget.sol';

/// The clock of the protocol: rounds of a fixed number of L1 blocks, each started by whoever calls.
contract RoundsManager is ProxyTarget {
    uint256 public roundLength;
    /// Parts of a million of the round, at its end, in which commissions cannot change.
    uint256 public roundLockAmount;
    /// Round 0 counts as initialised.
    uint256 public lastInitializedRound;
    uint256 public lastRoundLengthUpdateRound;
    uint256 public lastRoundLengthUpdateStartBlock;
    mapping(uint256 => uint256) public lipUpgradeRound;
    mapping(uint256 => bytes32) public blockHashForRound;

    event NewRound(uint256 indexed round, bytes32 blockHash);

    constructor(address controllerAddress) Manager(controllerAddress) {}

    /// Later lengths count from the round that runs; the first one counts from block 0.
    function setRoundLength(uint256 length) external onlyControllerOwner {
        require(length > 0, 'round length cannot be 0');
        if (roundLength == 0) roundLength = length;
        uint256 round = currentRound();
        uint256 startBlock = currentRoundStartBlock();
        lastRoundLengthUpdateRound = round;
        lastRoundLengthUpdateStartBlock = startBlock;
        roundLength = length;
        emit ParameterUpdate('roundLength');
    }

    function setRoundLockAmount(uint256 amount) external onlyControllerOwner {
        require(
            Fractions.isShare(amount, Fractions.MILLION),
            'round lock amount must be a valid percentage'
        );
        roundLockAmount = amount;
        emit ParameterUpdate('roundLockAmount');
    }

    function setLIPUpgradeRound(uint256 lip, uint256 round) external onlyControllerOwner {
        require(lipUpgradeRound[lip] == 0, 'LIP upgrade round already set');
        lipUpgradeRound[lip] = round;
    }

    function initializeRound() external whenSystemNotPaused {
        uint256 round = currentRound();
        require(lastInitializedRound < round, 'round already initialized');
        lastInitializedRound = round;
        bytes32 hash = blockHash(blockNum() - 1);
        blockHashForRound[round] = hash;
        IBondingManager(named('BondingManager')).setCurrentRoundTotalActiveStake();
        IMinter(named('Minter')).setCurrentRewardTokens();
        emit NewRound(round, hash);
    }

    /// On Arbitrum this is the number of an Ethereum block, and so are all periods.
    function blockNum() public view returns (uint256) {
        return block.number;
    }

    function blockHash(uint256 number) public view returns (bytes32) {
        uint256 current = blockNum();
        require(number < current, 'can only retrieve past block hashes');
        require(current < 256 || number >= current - 256, 'can only retrieve hashes for last 256 blocks');
        return blockhash(number);
    }

    function currentRound() public view returns (uint256) {
        return lastRoundLengthUpdateRound + roundsSinceUpdate();
    }

    function currentRoundStartBlock() public view returns (uint256) {
        return lastRoundLengthUpdateStartBlock + roundsSinceUpdate() * roundLength;
    }

    function currentRoundInitialized() external view returns (bool) {
        return lastInitializedRound == currentRound();
    }

    function currentRoundLocked() external view returns (bool) {
        uint256 locked = Fractions.part(roundLength, roundLockAmount, Fractions.MILLION);
        return blockNum() - currentRoundStartBlock() >= roundLength - locked;
    }

    function roundsSinceUpdate() private view returns (uint256) {
        return (blockNum() - lastRoundLengthUpdateStartBlock) / roundLength;
    }
}
