import { parseAbi } from 'viem';

/** The faucet of test networks. */
export const livepeerTokenFaucetAbi = parseAbi([
  'constructor(address _token, uint256 _requestAmount, uint256 _requestWait)',
  'event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)',
  'event Request(address indexed to, uint256 amount)',
  'function addToWhitelist(address _addr)',
  'function isWhitelisted(address) view returns (bool)',
  'function nextValidRequest(address) view returns (uint256)',
  'function owner() view returns (address)',
  'function removeFromWhitelist(address _addr)',
  'function request()',
  'function requestAmount() view returns (uint256)',
  'function requestWait() view returns (uint256)',
  'function token() view returns (address)',
  'function transferOwnership(address newOwner)',
]);
