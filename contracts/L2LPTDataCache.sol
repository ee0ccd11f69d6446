// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// A chain of its own has no tokens on another one: nothing circulates there.
contract L2LPTDataCache {
    uint256 public constant l1CirculatingSupply = 0;
    uint256 public constant l1TotalSupply = 0;
    uint256 public constant l2SupplyFromL1 = 0;
}
