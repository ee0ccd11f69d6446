// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Fractions} from './Fractions.sol';
import {IBondingVotes, ITreasury} from './Interfaces.sol';
import {Manager} from './Manager.sol';
import {ProxyTarget} from './ProxyTarget.sol';

/// Proposals over the treasury, decided by stake. A delegator that votes takes its own stake out of
/// its transcoder's vote, whichever of them votes first. Time is counted in rounds.
contract LivepeerGovernor is ProxyTarget {
    enum ProposalState {
        Pending,
        Active,
        Canceled,
        Defeated,
        Succeeded,
        Queued,
        Expired,
        Executed
    }

    enum Support {
        Against,
        For,
        Abstain
    }

    struct Voter {
        bool hasVoted;
        Support support;
        /// What delegators of this transcoder voted with themselves.
        uint256 deductions;
    }

    struct Proposal {
        uint256 voteStart;
        uint256 voteEnd;
        address proposer;
        bool executed;
        bool canceled;
        bytes32 operation;
        uint256[3] tally;
        mapping(address => Voter) voters;
    }

    string public constant name = 'LivepeerGovernor';
    string public constant version = '1';
    string public constant COUNTING_MODE = 'support=bravo&quorum=for,abstain,against';
    uint256 public constant quorumDenominator = Fractions.MILLION;

    uint256 public votingDelay;
    uint256 public votingPeriod;
    uint256 public proposalThreshold;
    uint256 public quorumNumerator;
    /// Parts of a million of For and Against together.
    uint256 public quota;
    bool private initialized;
    mapping(uint256 => Proposal) private proposals;

    event Initialized(uint8 version);
    event VotingDelaySet(uint256 oldVotingDelay, uint256 newVotingDelay);
    event VotingPeriodSet(uint256 oldVotingPeriod, uint256 newVotingPeriod);
    event ProposalThresholdSet(uint256 oldProposalThreshold, uint256 newProposalThreshold);
    event QuorumNumeratorUpdated(uint256 oldQuorumNumerator, uint256 newQuorumNumerator);
    event ProposalCreated(
        uint256 proposalId,
        address proposer,
        address[] targets,
        uint256[] values,
        string[] signatures,
        bytes[] calldatas,
        uint256 voteStart,
        uint256 voteEnd,
        string description
    );
    event ProposalCanceled(uint256 proposalId);
    event ProposalQueued(uint256 proposalId, uint256 eta);
    event ProposalExecuted(uint256 proposalId);
    event VoteCast(address indexed voter, uint256 proposalId, uint8 support, uint256 weight, string reason);

    error InvalidVoteType(uint8 voteType);
    error VoteAlreadyCast();

    modifier onlyGovernance() {
        require(msg.sender == timelock(), 'Governor: onlyGovernance');
        _;
    }

    constructor(address controllerAddress) Manager(controllerAddress) {}

    function initialize(
        uint256 delay,
        uint256 period,
        uint256 threshold,
        uint256 quorumShare,
        uint256 quotaShare
    ) external {
        require(!initialized, 'Initializable: contract is already initialized');
        initialized = true;
        changeVotingDelay(delay);
        changeVotingPeriod(period);
        changeProposalThreshold(threshold);
        changeQuorum(quorumShare);
        quota = quotaShare;
        emit Initialized(1);
    }

    function propose(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        string memory description
    ) external returns (uint256 proposalId) {
        require(
            votes().getPastVotes(msg.sender, clock() - 1) >= proposalThreshold,
            'Governor: proposer votes below proposal threshold'
        );
        require(
            targets.length == values.length && targets.length == calldatas.length,
            'Governor: invalid proposal length'
        );
        require(targets.length > 0, 'Governor: empty proposal');
        proposalId = hashProposal(targets, values, calldatas, keccak256(bytes(description)));
        Proposal storage proposal = proposals[proposalId];
        require(proposal.voteStart == 0, 'Governor: proposal already exists');
        proposal.voteStart = clock() + votingDelay;
        proposal.voteEnd = proposal.voteStart + votingPeriod;
        proposal.proposer = msg.sender;
        emit ProposalCreated(
            proposalId,
            msg.sender,
            targets,
            values,
            new string[](targets.length),
            calldatas,
            proposal.voteStart,
            proposal.voteEnd,
            description
        );
    }

    function castVote(uint256 proposalId, uint8 support) external returns (uint256) {
        return count(proposalId, msg.sender, support, '');
    }

    function castVoteWithReason(
        uint256 proposalId,
        uint8 support,
        string calldata reason
    ) external returns (uint256) {
        return count(proposalId, msg.sender, support, reason);
    }

    function queue(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId) {
        proposalId = hashProposal(targets, values, calldatas, descriptionHash);
        require(state(proposalId) == ProposalState.Succeeded, 'Governor: proposal not successful');
        ITreasury treasury = ITreasury(timelock());
        uint256 delay = treasury.getMinDelay();
        proposals[proposalId].operation = treasury.hashOperationBatch(
            targets,
            values,
            calldatas,
            0,
            descriptionHash
        );
        treasury.scheduleBatch(targets, values, calldatas, 0, descriptionHash, delay);
        emit ProposalQueued(proposalId, block.timestamp + delay);
    }

    function execute(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) external payable returns (uint256 proposalId) {
        proposalId = hashProposal(targets, values, calldatas, descriptionHash);
        ProposalState current = state(proposalId);
        require(
            current == ProposalState.Succeeded || current == ProposalState.Queued,
            'Governor: proposal not successful'
        );
        proposals[proposalId].executed = true;
        emit ProposalExecuted(proposalId);
        ITreasury(timelock()).executeBatch{value: msg.value}(targets, values, calldatas, 0, descriptionHash);
    }

    /// By the proposer, before voting starts.
    function cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) external returns (uint256 proposalId) {
        proposalId = hashProposal(targets, values, calldatas, descriptionHash);
        require(state(proposalId) == ProposalState.Pending, 'Governor: too late to cancel');
        Proposal storage proposal = proposals[proposalId];
        require(msg.sender == proposal.proposer, 'Governor: only proposer can cancel');
        proposal.canceled = true;
        emit ProposalCanceled(proposalId);
    }

    function setVotingDelay(uint256 delay) external onlyGovernance {
        changeVotingDelay(delay);
    }

    function setVotingPeriod(uint256 period) external onlyGovernance {
        changeVotingPeriod(period);
    }

    function setProposalThreshold(uint256 threshold) external onlyGovernance {
        changeProposalThreshold(threshold);
    }

    function updateQuorumNumerator(uint256 numerator) external onlyGovernance {
        changeQuorum(numerator);
    }

    function state(uint256 proposalId) public view returns (ProposalState) {
        Proposal storage proposal = proposals[proposalId];
        if (proposal.executed) return ProposalState.Executed;
        if (proposal.canceled) return ProposalState.Canceled;
        require(proposal.voteStart > 0, 'Governor: unknown proposal id');
        uint256 round = clock();
        if (proposal.voteStart >= round) return ProposalState.Pending;
        if (proposal.voteEnd >= round) return ProposalState.Active;
        if (!isQuorumReached(proposal) || !isVoteWon(proposal)) return ProposalState.Defeated;
        if (proposal.operation == 0) return ProposalState.Succeeded;
        ITreasury treasury = ITreasury(timelock());
        if (treasury.isOperationDone(proposal.operation)) return ProposalState.Executed;
        return
            treasury.isOperationPending(proposal.operation)
                ? ProposalState.Queued
                : ProposalState.Canceled;
    }

    function proposalVotes(
        uint256 proposalId
    ) external view returns (uint256 againstVotes, uint256 forVotes, uint256 abstainVotes) {
        uint256[3] storage tally = proposals[proposalId].tally;
        return (
            tally[uint256(Support.Against)],
            tally[uint256(Support.For)],
            tally[uint256(Support.Abstain)]
        );
    }

    function hasVoted(uint256 proposalId, address account) external view returns (bool) {
        return proposals[proposalId].voters[account].hasVoted;
    }

    function proposalSnapshot(uint256 proposalId) external view returns (uint256) {
        return proposals[proposalId].voteStart;
    }

    function proposalDeadline(uint256 proposalId) external view returns (uint256) {
        return proposals[proposalId].voteEnd;
    }

    function proposalProposer(uint256 proposalId) external view returns (address) {
        return proposals[proposalId].proposer;
    }

    function proposalEta(uint256 proposalId) external view returns (uint256) {
        uint256 eta = ITreasury(timelock()).getTimestamp(proposals[proposalId].operation);
        return eta == 1 ? 0 : eta;
    }

    function quorum(uint256 round) public view returns (uint256) {
        return Fractions.part(votes().getPastTotalSupply(round), quorumNumerator, Fractions.MILLION);
    }

    function getVotes(address account, uint256 round) external view returns (uint256) {
        return votes().getPastVotes(account, round);
    }

    function hashProposal(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) public pure returns (uint256) {
        return uint256(keccak256(abi.encode(targets, values, calldatas, descriptionHash)));
    }

    function clock() public view returns (uint48) {
        return votes().clock();
    }

    function CLOCK_MODE() external pure returns (string memory) {
        return 'mode=livepeer_round';
    }

    function votes() public view returns (IBondingVotes) {
        return IBondingVotes(named('BondingVotes'));
    }

    function token() external view returns (address) {
        return address(votes());
    }

    function timelock() public view returns (address) {
        return named('Treasury');
    }

    function count(
        uint256 proposalId,
        address account,
        uint8 choice,
        string memory reason
    ) private returns (uint256 weight) {
        require(state(proposalId) == ProposalState.Active, 'Governor: vote not currently active');
        Proposal storage proposal = proposals[proposalId];
        weight = votes().getPastVotes(account, proposal.voteStart);
        if (choice > uint8(Support.Abstain)) revert InvalidVoteType(choice);
        Voter storage voter = proposal.voters[account];
        if (voter.hasVoted) revert VoteAlreadyCast();
        voter.hasVoted = true;
        voter.support = Support(choice);
        proposal.tally[choice] += ownWeight(proposal, account, weight);
        emit VoteCast(account, proposalId, choice, weight, reason);
    }

    function ownWeight(Proposal storage proposal, address account, uint256 weight) private returns (uint256) {
        address delegate = votes().delegatedAt(account, proposal.voteStart);
        if (delegate == account) return weight - proposal.voters[account].deductions;
        Voter storage transcoder = proposal.voters[delegate];
        transcoder.deductions += weight;
        if (transcoder.hasVoted) proposal.tally[uint256(transcoder.support)] -= weight;
        return weight;
    }

    function isQuorumReached(Proposal storage proposal) private view returns (bool) {
        return proposal.tally[0] + proposal.tally[1] + proposal.tally[2] >= quorum(proposal.voteStart);
    }

    function isVoteWon(Proposal storage proposal) private view returns (bool) {
        uint256 inFavour = proposal.tally[uint256(Support.For)];
        uint256 opinionated = inFavour + proposal.tally[uint256(Support.Against)];
        return inFavour >= Fractions.part(opinionated, quota, Fractions.MILLION);
    }

    function changeVotingDelay(uint256 delay) private {
        emit VotingDelaySet(votingDelay, delay);
        votingDelay = delay;
    }

    function changeVotingPeriod(uint256 period) private {
        require(period > 0, 'GovernorSettings: voting period too low');
        emit VotingPeriodSet(votingPeriod, period);
        votingPeriod = period;
    }

    function changeProposalThreshold(uint256 threshold) private {
        emit ProposalThresholdSet(proposalThreshold, threshold);
        proposalThreshold = threshold;
    }

    function changeQuorum(uint256 numerator) private {
        require(
            Fractions.isShare(numerator, Fractions.MILLION),
            'GovernorVotesQuorumFraction: quorumNumerator over quorumDenominator'
        );
        emit QuorumNumeratorUpdated(quorumNumerator, numerator);
        quorumNumerator = numerator;
    }
}
