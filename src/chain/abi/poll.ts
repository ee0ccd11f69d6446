import { parseAbi } from 'viem';

/** One poll. */
export const pollAbi = parseAbi([
  'constructor(uint256 _endBlock)',
  'event Vote(address indexed voter, uint256 choiceID)',
  'function destroy()',
  'function endBlock() view returns (uint256)',
  'function vote(uint256 _choiceID)',
]);
