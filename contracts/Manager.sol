// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IController} from './Interfaces.sol';

/// A contract that finds the others through the Controller and stops while the system is paused.
abstract contract Manager {
    /// Storage slot 0, in proxy and target alike.
    IController public controller;

    event SetController(address controller);
    event ParameterUpdate(string param);

    modifier onlyController() {
        require(msg.sender == address(controller), 'caller must be Controller');
        _;
    }

    modifier onlyControllerOwner() {
        require(msg.sender == controller.owner(), 'caller must be Controller owner');
        _;
    }

    modifier whenSystemNotPaused() {
        require(!controller.paused(), 'system is paused');
        _;
    }

    constructor(address controllerAddress) {
        controller = IController(controllerAddress);
    }

    function setController(address newController) external onlyController {
        controller = IController(newController);
        emit SetController(newController);
    }

    /// The contract of that name; zero when there is none.
    function named(string memory name) internal view returns (address) {
        return controller.getContract(keccak256(bytes(name)));
    }
}
