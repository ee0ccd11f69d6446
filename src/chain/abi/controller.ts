import { parseAbi } from 'viem';

/** Controller: the contracts by name hash. */
export const controllerAbi = parseAbi([
  'constructor()',
  'event OwnershipTransferred(address indexed previousOwner, address indexed newOwner)',
  'event Pause()',
  'event SetContractInfo(bytes32 id, address contractAddress, bytes20 gitCommitHash)',
  'event Unpause()',
  'function getContract(bytes32 _id) view returns (address)',
  'function getContractInfo(bytes32 _id) view returns (address, bytes20)',
  'function owner() view returns (address)',
  'function pause()',
  'function paused() view returns (bool)',
  'function setContractInfo(bytes32 _id, address _contractAddress, bytes20 _gitCommitHash)',
  'function transferOwnership(address newOwner)',
  'function unpause()',
  'function updateController(bytes32 _id, address _controller)',
]);
