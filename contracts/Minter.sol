// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fractions} from './Fractions.sol';
import {IBondingManager, IController, IL2LPTDataCache, ILivepeerToken, IMinter} from './Interfaces.sol';
import {Manager} from './Manager.sol';

/// Holds all bonded LPT and the ETH of senders and of fees, and mints the rewards of each round.
contract Minter is Manager {
    /// Parts of a billion.
    uint256 public inflation;
    uint256 public inflationChange;
    uint256 public targetBondingRate;
    uint256 public currentMintableTokens;
    uint256 public currentMintedTokens;

    event SetCurrentRewardTokens(uint256 currentMintableTokens, uint256 currentInflation);

    modifier onlyBondingManager() {
        require(msg.sender == named('BondingManager'), 'msg.sender not BondingManager');
        _;
    }

    modifier onlyRoundsManager() {
        require(msg.sender == named('RoundsManager'), 'msg.sender not RoundsManager');
        _;
    }

    modifier onlyBondingManagerOrJobsManager() {
        require(
            msg.sender == named('BondingManager') || msg.sender == named('JobsManager'),
            'msg.sender not BondingManager or JobsManager'
        );
        _;
    }

    modifier onlyMinterOrJobsManager() {
        require(
            msg.sender == named('Minter') || msg.sender == named('JobsManager'),
            'msg.sender not Minter or JobsManager'
        );
        _;
    }

    constructor(
        address controllerAddress,
        uint256 initialInflation,
        uint256 initialChange,
        uint256 initialTarget
    ) Manager(controllerAddress) {
        require(isShare(initialInflation), '_inflation is invalid percentage');
        require(isShare(initialChange), '_inflationChange is invalid percentage');
        require(isShare(initialTarget), '_targetBondingRate is invalid percentage');
        inflation = initialInflation;
        inflationChange = initialChange;
        targetBondingRate = initialTarget;
    }

    function setTargetBondingRate(uint256 rate) external onlyControllerOwner {
        require(isShare(rate), '_targetBondingRate is invalid percentage');
        targetBondingRate = rate;
        emit ParameterUpdate('targetBondingRate');
    }

    function setInflationChange(uint256 change) external onlyControllerOwner {
        require(isShare(change), '_inflationChange is invalid percentage');
        inflationChange = change;
        emit ParameterUpdate('inflationChange');
    }

    /// Moves everything to a successor, while this one is still the registered Minter.
    function migrateToNewMinter(address newMinter) external onlyControllerOwner whenSystemNotPaused {
        require(newMinter != address(this), 'new Minter cannot be current Minter');
        require(newMinter != address(0), 'new Minter cannot be null address');
        require(
            address(IMinter(newMinter).getController()) == address(controller),
            'new Minter Controller must be current Controller'
        );
        require(named('Minter') == address(this), 'new Minter must be registered');
        token().transfer(newMinter, token().balanceOf(address(this)));
        IMinter(newMinter).depositETH{value: address(this).balance}();
    }

    /// Mints the share `numerator / denominator` of what this round may mint.
    function createReward(
        uint256 numerator,
        uint256 denominator
    ) external onlyBondingManager whenSystemNotPaused returns (uint256 amount) {
        amount = Fractions.part(currentMintableTokens, numerator, denominator, Fractions.BILLION);
        currentMintedTokens += amount;
        require(currentMintedTokens <= currentMintableTokens, 'minted tokens cannot exceed mintable tokens');
        token().mint(address(this), amount);
    }

    function trustedTransferTokens(address to, uint256 amount) external onlyBondingManager whenSystemNotPaused {
        token().transfer(to, amount);
    }

    function trustedBurnTokens(uint256 amount) external onlyBondingManager whenSystemNotPaused {
        token().burn(amount);
    }

    /// Pays with the 2300 gas of a plain transfer.
    function trustedWithdrawETH(
        address payable to,
        uint256 amount
    ) external onlyBondingManagerOrJobsManager whenSystemNotPaused {
        // The EVM adds a stipend of 2300 gas to every call that carries value.
        (bool paid, ) = to.call{value: amount, gas: amount == 0 ? 2300 : 0}('');
        require(paid);
    }

    function depositETH() external payable onlyMinterOrJobsManager returns (bool) {
        return true;
    }

    /// Moves inflation by one step towards the target bonding rate and opens a round's mint.
    function setCurrentRewardTokens() external onlyRoundsManager whenSystemNotPaused {
        uint256 supply = getGlobalTotalSupply();
        uint256 bonded = IBondingManager(named('BondingManager')).getTotalBonded();
        uint256 rate = supply > 0 ? Fractions.ratio(bonded, supply, Fractions.BILLION) : 0;
        if (rate < targetBondingRate) inflation += inflationChange;
        else if (rate > targetBondingRate) {
            inflation = inflationChange > inflation ? 0 : inflation - inflationChange;
        }
        currentMintableTokens = Fractions.part(supply, inflation, Fractions.BILLION);
        currentMintedTokens = 0;
        emit SetCurrentRewardTokens(currentMintableTokens, inflation);
    }

    /// LPT on this chain and what circulates on the other one.
    function getGlobalTotalSupply() public view returns (uint256) {
        return token().totalSupply() + IL2LPTDataCache(named('L2LPTDataCache')).l1CirculatingSupply();
    }

    function getController() external view returns (IController) {
        return controller;
    }

    function token() private view returns (ILivepeerToken) {
        return ILivepeerToken(named('LivepeerToken'));
    }

    function isShare(uint256 share) private pure returns (bool) {
        return Fractions.isShare(share, Fractions.BILLION);
    }
}
