// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Erc20} from './Erc20.sol';

/// An ERC-20 without worth: whoever asks mints it.
contract TestToken is Erc20 {
    constructor(string memory tokenName, string memory tokenSymbol, uint8 tokenDecimals)
        Erc20(tokenName, tokenSymbol, tokenDecimals)
    {}

    function mint(address to, uint256 amount) external {
        create(to, amount);
    }
}
