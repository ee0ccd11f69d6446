import { parseAbi } from 'viem';

/** ServiceRegistry and AIServiceRegistry: where each orchestrator serves. */
export const serviceRegistryAbi = parseAbi([
  'constructor(address _controller)',
  'event ParameterUpdate(string param)',
  'event ServiceURIUpdate(address indexed addr, string serviceURI)',
  'event SetController(address controller)',
  'function controller() view returns (address)',
  'function getServiceURI(address _addr) view returns (string)',
  'function setController(address _controller)',
  'function setServiceURI(string _serviceURI)',
  'function targetContractId() view returns (bytes32)',
]);
