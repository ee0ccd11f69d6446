// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Manager} from './Manager.sol';
import {ProxyTarget} from './ProxyTarget.sol';

/// Keeps the state and the address of a contract whose code the Controller names.
contract ManagerProxy is ProxyTarget {
    constructor(address controllerAddress, bytes32 targetId) Manager(controllerAddress) {
        targetContractId = targetId;
    }

    receive() external payable {
        forward();
    }

    fallback() external payable {
        forward();
    }

    function forward() private {
        address target = controller.getContract(targetContractId);
        require(target != address(0), 'target contract must be registered');
        assembly {
            let memoryStart := mload(0x40)
            calldatacopy(memoryStart, 0, calldatasize())
            let ok := delegatecall(gas(), target, memoryStart, calldatasize(), 0, 0)
            returndatacopy(memoryStart, 0, returndatasize())
            switch ok
            case 0 {
                revert(memoryStart, returndatasize())
            }
            default {
                return(memoryStart, returndatasize())
            }
        }
    }
}
