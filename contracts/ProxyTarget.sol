// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Manager} from './Manager.sol';

/// Code that runs behind a ManagerProxy: its storage starts with the two slots of the proxy.
abstract contract ProxyTarget is Manager {
    /// Storage slot 1: the name hash under which the proxy finds its code; zero in the code itself.
    bytes32 public targetContractId;
}
