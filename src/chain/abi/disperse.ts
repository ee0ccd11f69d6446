import { parseAbi } from 'viem';

/** Disperse: ours, contracts/Disperse.sol. */
export const disperseAbi = parseAbi([
  'error NotReturned()',
  'error TooLittleGas()',
  'error Unequal()',
  'error WrongValue()',
  'event Result(address indexed payer, bytes32 indexed batch, uint256 index, address recipient, uint256 amount, bool paid)',
  'function RECIPIENT_GAS() view returns (uint256)',
  'function disperseEther(bytes32 batch, address[] recipients, uint256[] amounts) payable',
  'function disperseToken(bytes32 batch, address token, address[] recipients, uint256[] amounts)',
]);
