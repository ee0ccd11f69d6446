import { parseAbi } from 'viem';

/** RoundsManager: the clock of the protocol. */
export const roundsManagerAbi = parseAbi([
  'constructor(address _controller)',
  'event NewRound(uint256 indexed round, bytes32 blockHash)',
  'event ParameterUpdate(string param)',
  'event SetController(address controller)',
  'function blockHash(uint256 _block) view returns (bytes32)',
  'function blockHashForRound(uint256 _round) view returns (bytes32)',
  'function blockNum() view returns (uint256)',
  'function controller() view returns (address)',
  'function currentRound() view returns (uint256)',
  'function currentRoundInitialized() view returns (bool)',
  'function currentRoundLocked() view returns (bool)',
  'function currentRoundStartBlock() view returns (uint256)',
  'function initializeRound()',
  'function lastInitializedRound() view returns (uint256)',
  'function lastRoundLengthUpdateRound() view returns (uint256)',
  'function lastRoundLengthUpdateStartBlock() view returns (uint256)',
  'function lipUpgradeRound(uint256) view returns (uint256)',
  'function roundLength() view returns (uint256)',
  'function roundLockAmount() view returns (uint256)',
  'function setController(address _controller)',
  'function setLIPUpgradeRound(uint256 _lip, uint256 _round)',
  'function setRoundLength(uint256 _roundLength)',
  'function setRoundLockAmount(uint256 _roundLockAmount)',
  'function targetContractId() view returns (bytes32)',
]);
