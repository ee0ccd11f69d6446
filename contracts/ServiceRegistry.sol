// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Manager} from './Manager.sol';
import {ProxyTarget} from './ProxyTarget.sol';

/// Where each account says that it serves. Nothing is checked, and a pause changes nothing.
contract ServiceRegistry is ProxyTarget {
    mapping(address => string) private uris;

    event ServiceURIUpdate(address indexed addr, string serviceURI);

    constructor(address controllerAddress) Manager(controllerAddress) {}

    function setServiceURI(string calldata serviceURI) external {
        uris[msg.sender] = serviceURI;
        emit ServiceURIUpdate(msg.sender, serviceURI);
    }

    function getServiceURI(address account) external view returns (string memory) {
        return uris[account];
    }
}
