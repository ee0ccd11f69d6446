import { parseAbi } from 'viem';

/** PollCreator: opens polls. */
export const pollCreatorAbi = parseAbi([
  'constructor(address _bondingManagerAddr)',
  'event PollCreated(address indexed poll, bytes proposal, uint256 endBlock, uint256 quorum, uint256 quota)',
  'function POLL_CREATION_COST() view returns (uint256)',
  'function POLL_PERIOD() view returns (uint256)',
  'function QUORUM() view returns (uint256)',
  'function QUOTA() view returns (uint256)',
  'function bondingManager() view returns (address)',
  'function createPoll(bytes _proposal)',
]);
