// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IManager} from './Interfaces.sol';

/// Knows every contract by the keccak-256 hash of its name, and whether the system is paused.
contract Controller {
    struct Entry {
        address contractAddress;
        bytes20 gitCommitHash;
    }

    address public owner;
    /// A new system is paused until its parameters are set.
    bool public paused = true;
    mapping(bytes32 => Entry) private registry;

    event SetContractInfo(bytes32 id, address contractAddress, bytes20 gitCommitHash);
    event Pause();
    event Unpause();
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    modifier onlyOwner() {
        require(msg.sender == owner);
        _;
    }

    constructor() {
        owner = msg.sender;
    }

    /// The address of a name, zero for an unknown one.
    function getContract(bytes32 id) external view returns (address) {
        return registry[id].contractAddress;
    }

    function getContractInfo(bytes32 id) external view returns (address, bytes20) {
        Entry storage entry = registry[id];
        return (entry.contractAddress, entry.gitCommitHash);
    }

    function setContractInfo(bytes32 id, address contractAddress, bytes20 gitCommitHash) external onlyOwner {
        registry[id] = Entry(contractAddress, gitCommitHash);
        emit SetContractInfo(id, contractAddress, gitCommitHash);
    }

    /// Hands one contract to another Controller.
    function updateController(bytes32 id, address controller) external onlyOwner {
        IManager(registry[id].contractAddress).setController(controller);
    }

    function pause() external onlyOwner {
        require(!paused);
        paused = true;
        emit Pause();
    }

    function unpause() external onlyOwner {
        require(paused);
        paused = false;
        emit Unpause();
    }

    function transferOwnership(address newOwner) external onlyOwner {
        require(newOwner != address(0));
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }
}
