// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ILivepeerToken} from './Interfaces.sol';

/// Hands out a little LPT to whoever asks, once per waiting time.
contract LivepeerTokenFaucet {
    ILivepeerToken public token;
    uint256 public requestAmount;
    /// Hours.
    uint256 public requestWait;
    address public owner;
    mapping(address => uint256) public nextValidRequest;
    mapping(address => bool) public isWhitelisted;

    event Request(address indexed to, uint256 amount);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    constructor(address tokenAddress, uint256 amount, uint256 waitHours) {
        token = ILivepeerToken(tokenAddress);
        requestAmount = amount;
        requestWait = waitHours;
        owner = msg.sender;
    }

    function request() external {
        if (!isWhitelisted[msg.sender]) {
            require(block.timestamp >= nextValidRequest[msg.sender]);
            nextValidRequest[msg.sender] = block.timestamp + requestWait * 1 hours;
        }
        token.transfer(msg.sender, requestAmount);
        emit Request(msg.sender, requestAmount);
    }

    function addToWhitelist(address account) external onlyOwner {
        isWhitelisted[account] = true;
    }

    function removeFromWhitelist(address account) external onlyOwner {
        isWhitelisted[account] = false;
    }

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0));
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }
}
