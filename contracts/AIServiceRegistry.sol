// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ServiceRegistry} from './ServiceRegistry.sol';

/// The service URIs of AI nodes: without a proxy, and not known to the Controller of the live network.
contract AIServiceRegistry is ServiceRegistry {
    constructor(address controllerAddress) ServiceRegistry(controllerAddress) {}
}
