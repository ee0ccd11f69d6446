// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// Pays many accounts in one transaction. It has no owner, keeps nothing, and spends only what its
/// caller brings or has allowed it; so one of it serves everybody on a chain.
contract Disperse {
    /// What a recipient may use up of the gas: a contract wallet needs a tenth of it.
    uint256 public constant RECIPIENT_GAS = 100_000;
    /// Kept back for everything that follows a recipient: the event, and returning the rest.
    uint256 private constant OWN_GAS = 50_000;

    /// One for each recipient, in order: whether it was paid. `amount` stays with the payer if not. The
    /// payer is named, since a recipient may call this contract with the same batch.
    event Result(
        address indexed payer,
        bytes32 indexed batch,
        uint256 index,
        address recipient,
        uint256 amount,
        bool paid
    );

    error Unequal();
    error WrongValue();
    error TooLittleGas();
    error NotReturned();

    /// Ether to each recipient; what one does not take goes back to the caller at the end.
    function disperseEther(bytes32 batch, address[] calldata recipients, uint256[] calldata amounts)
        external
        payable
    {
        if (recipients.length != amounts.length) revert Unequal();
        // Counted here and not asked of the balance: a recipient may call this contract, too.
        uint256 left = msg.value;
        for (uint256 i = 0; i < recipients.length; i++) {
            if (amounts[i] > left) revert WrongValue();
            checkGas();
            bool paid = sent(recipients[i], amounts[i], '');
            if (paid) left -= amounts[i];
            emit Result(msg.sender, batch, i, recipients[i], amounts[i], paid);
        }
        if (left > 0 && !returned(left)) revert NotReturned();
    }

    /// Tokens of the caller to each recipient, out of its allowance. Tokens that answer nothing count
    /// as having moved; whether they did is to be seen in their Transfer events.
    function disperseToken(
        bytes32 batch,
        address token,
        address[] calldata recipients,
        uint256[] calldata amounts
    ) external {
        if (recipients.length != amounts.length) revert Unequal();
        if (token.code.length == 0) revert WrongValue();
        for (uint256 i = 0; i < recipients.length; i++) {
            checkGas();
            bool paid = moved(token, recipients[i], amounts[i]);
            emit Result(msg.sender, batch, i, recipients[i], amounts[i], paid);
        }
    }

    /// A call gets at most 63/64 of the gas that is left: with less than this a recipient could fail
    /// for want of gas alone, and would be told that it refused.
    function checkGas() private view {
        if (gasleft() < (RECIPIENT_GAS * 64) / 63 + OWN_GAS) revert TooLittleGas();
    }

    /// Reads nothing of what the recipient answers, however much that is.
    function sent(address to, uint256 value, bytes memory data) private returns (bool done) {
        uint256 gas_ = RECIPIENT_GAS;
        assembly {
            done := call(gas_, to, value, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// What is left goes to whoever called, who may need any amount of gas to take it.
    function returned(uint256 value) private returns (bool done) {
        assembly {
            done := call(gas(), caller(), value, 0, 0, 0, 0)
        }
    }

    function moved(address token, address to, uint256 amount) private returns (bool) {
        // transferFrom(address,address,uint256)
        bytes memory data = abi.encodeWithSelector(0x23b872dd, msg.sender, to, amount);
        uint256 gas_ = RECIPIENT_GAS;
        uint256 size;
        uint256 word;
        bool done;
        assembly {
            mstore(0, 0)
            done := call(gas_, token, 0, add(data, 0x20), mload(data), 0, 0x20)
            size := returndatasize()
            word := mload(0)
        }
        return done && (size == 0 || (size >= 32 && word == 1));
    }
}
