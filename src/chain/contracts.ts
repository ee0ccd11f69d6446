import { type Address, type Hex, keccak256, stringToBytes, zeroAddress } from 'viem';
import { TributaryError } from '../base/errors.ts';
import { controllerAbi } from './abi/controller.ts';
import type { Providers } from './providers.ts';
import { ownError } from './rpc-refusal.ts';

/** Where the contracts of the protocol are, as the Controller says. */
export interface Contracts {
  readonly controller: Address;
  readonly token: Address;
  readonly minter: Address;
  readonly bondingManager: Address;
  readonly ticketBroker: Address;
  readonly roundsManager: Address;
  readonly serviceRegistry: Address;
  /** Not registered on Arbitrum One; a constant there. */
  readonly aiServiceRegistry: Address | undefined;
  readonly bondingVotes: Address | undefined;
  readonly governor: Address | undefined;
  readonly treasury: Address | undefined;
}

/** protocol: Controller.setContractInfo: the names whose hash is the key. */
const NEEDED = {
  token: 'LivepeerToken',
  minter: 'Minter',
  bondingManager: 'BondingManager',
  ticketBroker: 'TicketBroker',
  roundsManager: 'RoundsManager',
  serviceRegistry: 'ServiceRegistry',
} as const;
const OPTIONAL = {
  aiServiceRegistry: 'AIServiceRegistry',
  bondingVotes: 'BondingVotes',
  governor: 'LivepeerGovernor',
  treasury: 'Treasury',
} as const;

/** wire: go-livepeer `cmd/livepeer/starter/starter.go`: the registry for AI on Arbitrum One. */
const AI_SERVICE_REGISTRY_ARBITRUM_ONE = '0x04C0b249740175999E5BF5c9ac1dA92431EF34C5';

/**
 * Asks the Controller for every contract, so that its address is the only one to configure.
 *
 * @throws TributaryError `controller_missing` when there is no Controller at that address, or one
 * that lacks a contract that the pool needs; `rpc_unavailable`
 */
export async function resolveContracts(
  providers: Providers,
  controller: Address,
): Promise<Contracts> {
  const code = await providers.request<Hex>('eth_getCode', [controller, 'latest']);
  if (!code || code === '0x') {
    throw new TributaryError('controller_missing', 'There is no contract at that address.');
  }
  const [needed, optional] = await Promise.all([
    addressesOf(providers, controller, NEEDED),
    addressesOf(providers, controller, OPTIONAL),
  ]);
  const missing = Object.entries(needed).find(([, address]) => !address);
  if (missing) {
    const name = NEEDED[missing[0] as keyof typeof NEEDED];
    throw new TributaryError('controller_missing', `That Controller knows no ${name}.`);
  }
  const fixed = providers.chainId === 42_161 ? AI_SERVICE_REGISTRY_ARBITRUM_ONE : undefined;
  return {
    controller,
    ...(needed as Record<keyof typeof NEEDED, Address>),
    ...optional,
    aiServiceRegistry: optional.aiServiceRegistry ?? fixed,
  };
}

/** `undefined` for names that the Controller resolves to the zero address. */
async function addressesOf<Key extends string>(
  providers: Providers,
  controller: Address,
  names: Readonly<Record<Key, string>>,
): Promise<Record<Key, Address | undefined>> {
  const asked = Object.entries<string>(names).map(async ([key, name]) => {
    const address = await contractAt(providers, controller, name);
    return [key, address === zeroAddress ? undefined : address] as const;
  });
  return Object.fromEntries(await Promise.all(asked)) as Record<Key, Address | undefined>;
}

async function contractAt(
  { client }: Providers,
  controller: Address,
  name: string,
): Promise<Address> {
  try {
    return await client.readContract({
      address: controller,
      abi: controllerAbi,
      functionName: 'getContract',
      args: [keccak256(stringToBytes(name))],
    });
  } catch (cause) {
    const own = ownError(cause);
    if (own?.code === 'rpc_unavailable') throw own;
    throw new TributaryError('controller_missing', 'The contract there is not a Controller.', {
      cause,
    });
  }
}
