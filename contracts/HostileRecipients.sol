// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// A contract wallet as people use them: takes ether at the price of an event, and says which
/// signatures are its owner's (EIP-1271).
contract ContractWallet {
    address public immutable owner;

    event Received(address indexed from, uint256 value);

    constructor(address owner_) {
        owner = owner_;
    }

    receive() external payable {
        emit Received(msg.sender, msg.value);
    }

    function isValidSignature(bytes32 hash, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        if (signature.length != 65) return 0xffffffff;
        address signer = ecrecover(
            hash, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64])
        );
        return signer == owner && signer != address(0) ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

/// Takes nothing, until it is told to.
contract RejectingRecipient {
    bool public accepts;

    function accept(bool accepts_) external {
        accepts = accepts_;
    }

    receive() external payable {
        require(accepts, 'not for me');
    }
}

/// Uses up whatever gas it is given.
contract GasBurner {
    uint256 public burnt;

    receive() external payable {
        while (true) burnt++;
    }
}

/// Answers a megabyte, for which the caller would pay if it read it.
contract LongAnswer {
    receive() external payable {
        assembly {
            revert(0, 100000)
        }
    }
}

interface IDisperse {
    function disperseEther(bytes32 batch, address[] calldata recipients, uint256[] calldata amounts)
        external
        payable;
}

/// Takes what it gets, and meanwhile has the contract say that it got nothing.
contract Forger {
    bytes32 public batch;
    uint256 public amount;
    bool private busy;

    function prepare(bytes32 batch_, uint256 amount_) external {
        batch = batch_;
        amount = amount_;
    }

    receive() external payable {
        require(!busy, 'again');
        busy = true;
        address[] memory recipients = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        recipients[0] = address(this);
        amounts[0] = amount;
        IDisperse(msg.sender).disperseEther{value: amount}(batch, recipients, amounts);
        busy = false;
    }
}
