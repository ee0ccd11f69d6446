// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Manager} from './Manager.sol';
import {Signatures} from './Signatures.sol';
import {TicketFunds} from './TicketFunds.sol';

/// Pays winning tickets: whoever redeems one, the money goes to the fees of its recipient.
contract TicketBroker is TicketFunds {
    struct Ticket {
        address recipient;
        address sender;
        uint256 faceValue;
        uint256 winProb;
        uint256 senderNonce;
        bytes32 recipientRandHash;
        /// The creation round and its block hash, 32 bytes each.
        bytes auxData;
    }

    /// In rounds, the creation round included.
    uint256 public ticketValidityPeriod;
    mapping(bytes32 => bool) public usedTickets;

    event WinningTicketTransfer(address indexed sender, address indexed recipient, uint256 amount);
    event WinningTicketRedeemed(
        address indexed sender,
        address indexed recipient,
        uint256 faceValue,
        uint256 winProb,
        uint256 senderNonce,
        uint256 recipientRand,
        bytes auxData
    );

    constructor(address controllerAddress) Manager(controllerAddress) {}

    function setTicketValidityPeriod(uint256 period) external onlyControllerOwner {
        require(period > 0, 'ticketValidityPeriod must be greater than 0');
        ticketValidityPeriod = period;
        emit ParameterUpdate('ticketValidityPeriod');
    }

    function redeemWinningTicket(
        Ticket memory ticket,
        bytes memory signature,
        uint256 recipientRand
    ) external whenSystemNotPaused {
        requireRound();
        bytes32 hash = getTicketHash(ticket);
        uint256 creationRound = requireRedeemable(ticket);
        requireWinning(ticket, hash, signature, recipientRand);
        require(isLocked(ticket.sender), 'sender is unlocked');
        requireFunds(ticket.sender);
        // Used from here on, even if there turns out to be nothing to pay.
        usedTickets[hash] = true;
        pay(ticket, creationRound);
        emit WinningTicketRedeemed(
            ticket.sender,
            ticket.recipient,
            ticket.faceValue,
            ticket.winProb,
            ticket.senderNonce,
            recipientRand,
            ticket.auxData
        );
    }

    /// Redeems what can be redeemed; what fails leaves no trace.
    function batchRedeemWinningTickets(
        Ticket[] memory tickets,
        bytes[] memory signatures,
        uint256[] memory recipientRands
    ) external whenSystemNotPaused {
        requireRound();
        for (uint256 i = 0; i < tickets.length; i++) {
            try this.redeemWinningTicket(tickets[i], signatures[i], recipientRands[i]) {} catch {}
        }
    }

    function getTicketHash(Ticket memory ticket) public pure returns (bytes32) {
        return
            keccak256(
                abi.encodePacked(
                    ticket.recipient,
                    ticket.sender,
                    ticket.faceValue,
                    ticket.winProb,
                    ticket.senderNonce,
                    ticket.recipientRandHash,
                    ticket.auxData
                )
            );
    }

    function requireRound() private view {
        require(roundsManager().currentRoundInitialized(), 'current round is not initialized');
    }

    function requireRedeemable(Ticket memory ticket) private view returns (uint256 creationRound) {
        require(ticket.recipient != address(0), 'ticket recipient is null address');
        require(ticket.sender != address(0), 'ticket sender is null address');
        require(ticket.auxData.length == 64, 'invalid length for ticket auxData: must be 64 bytes');
        bytes32 creationHash;
        (creationRound, creationHash) = abi.decode(ticket.auxData, (uint256, bytes32));
        bytes32 hash = roundsManager().blockHashForRound(creationRound);
        require(hash != 0, 'ticket creationRound does not have a block hash');
        require(hash == creationHash, 'ticket creationRoundBlockHash invalid for creationRound');
        require(creationRound + ticketValidityPeriod > currentRound(), 'ticket is expired');
    }

    function requireWinning(
        Ticket memory ticket,
        bytes32 hash,
        bytes memory signature,
        uint256 recipientRand
    ) private view {
        require(
            keccak256(abi.encodePacked(recipientRand)) == ticket.recipientRandHash,
            'recipientRand does not match recipientRandHash'
        );
        require(!usedTickets[hash], 'ticket is used');
        require(
            Signatures.personalSigner(hash, signature) == ticket.sender,
            'invalid signature over ticket hash'
        );
        uint256 draw = uint256(keccak256(abi.encodePacked(signature, recipientRand)));
        require(draw < ticket.winProb, 'ticket did not win');
    }

    /// From the deposit, then from the reserve as far as the recipient may claim it.
    function pay(Ticket memory ticket, uint256 creationRound) private {
        Sender storage sender = senders[ticket.sender];
        uint256 amount = ticket.faceValue;
        if (amount > sender.deposit) {
            uint256 deposit = sender.deposit;
            amount = deposit + claimFromReserve(ticket.sender, ticket.recipient, amount - deposit);
            sender.deposit = 0;
        } else {
            sender.deposit -= amount;
        }
        if (amount == 0) return;
        bondingManager().updateTranscoderWithFees(ticket.recipient, amount, creationRound);
        emit WinningTicketTransfer(ticket.sender, ticket.recipient, amount);
    }
}
