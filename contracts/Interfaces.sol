// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

// What the contracts of the devnet ask of each other, and nothing more.

interface IController {
    function owner() external view returns (address);

    function paused() external view returns (bool);

    function getContract(bytes32 id) external view returns (address);
}

interface IManager {
    function setController(address controller) external;
}

interface ILivepeerToken {
    function totalSupply() external view returns (uint256);

    function balanceOf(address account) external view returns (uint256);

    function transfer(address to, uint256 amount) external returns (bool);

    function transferFrom(address from, address to, uint256 amount) external returns (bool);

    function mint(address to, uint256 amount) external;

    function burn(uint256 amount) external;
}

interface IMinter {
    function getController() external view returns (IController);

    function currentMintableTokens() external view returns (uint256);

    function currentMintedTokens() external view returns (uint256);

    function createReward(uint256 numerator, uint256 denominator) external returns (uint256);

    function trustedTransferTokens(address to, uint256 amount) external;

    function trustedBurnTokens(uint256 amount) external;

    function trustedWithdrawETH(address payable to, uint256 amount) external;

    function depositETH() external payable returns (bool);

    function setCurrentRewardTokens() external;
}

interface IL2LPTDataCache {
    function l1CirculatingSupply() external view returns (uint256);
}

interface IRoundsManager {
    function currentRound() external view returns (uint256);

    function currentRoundInitialized() external view returns (bool);

    function currentRoundLocked() external view returns (bool);

    function blockHashForRound(uint256 round) external view returns (bytes32);
}

interface IBondingManager {
    function setCurrentRoundTotalActiveStake() external;

    function updateTranscoderWithFees(address transcoder, uint256 fees, uint256 round) external;

    function getTranscoderPoolSize() external view returns (uint256);

    function isActiveTranscoder(address transcoder) external view returns (bool);

    function getTotalBonded() external view returns (uint256);

    function nextRoundTotalActiveStake() external view returns (uint256);

    function transcoderTotalStake(address transcoder) external view returns (uint256);

    function pendingStake(address delegator, uint256 endRound) external view returns (uint256);

    function getTranscoderEarningsPoolForRound(
        address transcoder,
        uint256 round
    ) external view returns (uint256, uint256, uint256, uint256, uint256);
}

interface IBondingVotes {
    function clock() external view returns (uint48);

    function getPastVotes(address account, uint256 round) external view returns (uint256);

    function getPastTotalSupply(uint256 round) external view returns (uint256);

    function delegatedAt(address account, uint256 round) external view returns (address);

    function checkpointBondingState(
        address account,
        uint256 startRound,
        uint256 bondedAmount,
        address delegateAddress,
        uint256 delegatedAmount,
        uint256 lastClaimRound,
        uint256 lastRewardRound
    ) external;

    function checkpointTotalActiveStake(uint256 totalStake, uint256 round) external;
}

interface ITreasury {
    function getMinDelay() external view returns (uint256);

    function isOperationPending(bytes32 id) external view returns (bool);

    function isOperationDone(bytes32 id) external view returns (bool);

    function getTimestamp(bytes32 id) external view returns (uint256);

    function hashOperationBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) external pure returns (bytes32);

    function scheduleBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt,
        uint256 delay
    ) external;

    function executeBatch(
        address[] calldata targets,
        uint256[] calldata values,
        bytes[] calldata payloads,
        bytes32 predecessor,
        bytes32 salt
    ) external payable;

    function cancel(bytes32 id) external;
}
