import type { Hex } from 'viem';

/** The contracts of the protocol whose methods the signer knows. */
export const signingContracts = [
  'BondingManager',
  'TicketBroker',
  'RoundsManager',
  'ServiceRegistry',
  'AIServiceRegistry',
  'LivepeerToken',
  'LivepeerGovernor',
] as const;

/** `Poll` is each poll that the operator allows to vote in. */
export type SigningContract = (typeof signingContracts)[number] | 'Poll';

/** Where a contract is. */
export interface ContractPlace {
  readonly contract: SigningContract;
  /** In lower case. */
  readonly address: Hex;
}

/**
 * On Arbitrum One, so that no node that answers falsely can lead the signer elsewhere. The proxies
 * stay when what is behind them is upgraded. protocol: deployments/arbitrumMainnet.
 */
export const arbitrumOneContracts: readonly ContractPlace[] = [
  { contract: 'BondingManager', address: '0x35bcf3c30594191d53231e4ff333e8a770453e40' },
  { contract: 'TicketBroker', address: '0xa8bb618b1520e284046f3dfc448851a1ff26e41b' },
  { contract: 'RoundsManager', address: '0xdd6f56dcc28d3f5f27084381fe8df634985cc39f' },
  { contract: 'ServiceRegistry', address: '0xc92d3a360b8f9e083ba64de15d95cf8180897431' },
  { contract: 'AIServiceRegistry', address: '0x04c0b249740175999e5bf5c9ac1da92431ef34c5' },
  { contract: 'LivepeerToken', address: '0x289ba1701c2f088cf0faf8b3705246331cb8a839' },
  { contract: 'LivepeerGovernor', address: '0xcfe4e2879b786c3aa075813f0e364bb5accb6aa0' },
];

/** Reads `NAME=0x…`; undefined when it is no contract that the signer knows, or no address. */
export function parseContractPlace(text: string): ContractPlace | undefined {
  const [, name, address] = /^([A-Za-z]+)=(0x[0-9a-fA-F]{40})$/.exec(text) ?? [];
  const contract = signingContracts.find((one) => one === name);
  return contract && address ? { contract, address: address.toLowerCase() as Hex } : undefined;
}

/** `NAME=0x…` */
export function showContractPlace({ contract, address }: ContractPlace): string {
  return `${contract}=${address}`;
}
