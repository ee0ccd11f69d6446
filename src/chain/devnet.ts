import {
  type Abi,
  type Account,
  type Address,
  type Chain,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  type HttpTransport,
  http,
  type PublicClient,
  TransactionReceiptNotFoundError,
  toHex,
  type WalletClient,
} from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { controllerAbi } from './abi/controller.ts';
import { roundsManagerAbi } from './abi/rounds-manager.ts';
import { type Anvil, startAnvil } from './anvil.ts';
import { type Artifacts, compileContracts } from './devnet-contracts.ts';
import {
  type ContractName,
  contractId,
  contractNames,
  controllerAddress,
  type DevnetAddresses,
  deployContracts,
} from './devnet-deploy.ts';
import { type DevnetParameters, devnetParameters, UNIT } from './devnet-parameters.ts';

/** What anvil and wallets take a chain for development by. */
const CHAIN_ID = 31_337;
/** Everybody knows it: keys for nothing but chains like this one. */
const MNEMONIC = 'test test test test test test test test test test test junk';
/** Names for the ten accounts that have ETH; all but the deployer get LPT as well. */
const ACCOUNT_NAMES = [
  'deployer',
  'orchestrator',
  'node',
  'redeemer',
  'rewardCaller',
  'gateway',
  'gateway2',
  'orchestrator2',
  'delegator',
  'delegator2',
] as const;
const TOKENS_EACH = 50_000n * UNIT;
/** Nobody else is there to wait for. */
const POLL_MS = 50;
/** So long may an answer take: a request to make blocks that is sent again makes them twice. */
const ANSWER_MS = 180_000;
/** So long may a transaction wait for its block. */
const RECEIPT_MS = 180_000;

/** An account with ETH and LPT. The key is public knowledge. */
export interface DevnetAccount {
  readonly name: (typeof ACCOUNT_NAMES)[number];
  readonly address: Address;
  readonly privateKey: Hex;
}

/** How a local chain starts. */
export interface DevnetOptions {
  /** Default 0: a free one. */
  readonly port?: number;
  /** In blocks. Default 50. A state file keeps what it was made with. */
  readonly roundLength?: number;
  /** Seconds between blocks; 0, the default, makes a block for each transaction. */
  readonly blockTime?: number;
  /** The chain goes on from there and is written there when it stops. */
  readonly stateFile?: string;
  /** Other parameters than {@link devnetParameters}. */
  readonly parameters?: Partial<Omit<DevnetParameters, 'roundLength'>>;
  /** LPT for each account but the deployer. Default 50,000. */
  readonly tokensEach?: bigint;
  /** Starts with a round that is initialised and has a block hash. Default true. */
  readonly startRound?: boolean;
}

/** A running local chain with the protocol on it. */
export interface Devnet {
  readonly url: string;
  readonly port: number;
  readonly chainId: number;
  readonly accounts: readonly DevnetAccount[];
  readonly addresses: DevnetAddresses;
  /** As compiled: what these contracts really have. `abi/` has what the live ones have. */
  readonly abis: Readonly<Record<ContractName, Abi>>;
  /** Resolves when anvil has ended, also without {@link stop}. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Clients for a chain at `url`; the wallet sends from the account of a key. */
export interface DevnetClients {
  readonly reader: PublicClient<HttpTransport, Chain>;
  wallet(account: Account): WalletClient<HttpTransport, Chain, Account>;
}

/** Clients that ask a local chain often, since it answers at once. */
export function devnetClients(url: string): DevnetClients {
  const chain = defineChain({
    id: CHAIN_ID,
    name: 'devnet',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const options = {
    chain,
    transport: http(url, { timeout: ANSWER_MS }),
    pollingInterval: POLL_MS,
    cacheTime: 0,
  };
  const reader = createPublicClient(options);
  return {
    reader: { ...reader, waitForTransactionReceipt: ({ hash }) => minedReceipt(reader, hash) },
    wallet: (account) => createWalletClient({ ...options, account }),
  };
}

/** viem looks again with each new block, but on a chain that mines on demand no other may come. */
async function minedReceipt(reader: DevnetClients['reader'], hash: Hex) {
  const deadline = performance.now() + RECEIPT_MS;
  for (;;) {
    try {
      return await reader.getTransactionReceipt({ hash });
    } catch (error) {
      const pending = error instanceof TransactionReceiptNotFoundError;
      if (!pending || performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The accounts of every local chain. */
export function devnetAccounts(): readonly DevnetAccount[] {
  return ACCOUNT_NAMES.map((name, addressIndex) => {
    const account = mnemonicToAccount(MNEMONIC, { addressIndex });
    const key = account.getHdKey().privateKey;
    return { name, address: account.address, privateKey: toHex(key ?? new Uint8Array()) };
  });
}

/**
 * Starts a chain on this machine with the protocol's contracts deployed, or goes on with the one in
 * the state file.
 *
 * @throws TributaryError `devnet_failed` or `compiler_failed`
 */
export async function startDevnet(options: DevnetOptions = {}): Promise<Devnet> {
  const { port = 0, blockTime = 0, stateFile } = options;
  const artifacts = await compileContracts();
  const accounts = devnetAccounts();
  const anvil = await startAnvil({
    port,
    blockTime,
    chainId: CHAIN_ID,
    mnemonic: MNEMONIC,
    ...(stateFile === undefined ? {} : { stateFile }),
  });
  try {
    const addresses = await contractsOn(anvil, artifacts, accounts, options);
    return {
      url: anvil.url,
      port: anvil.port,
      chainId: CHAIN_ID,
      accounts,
      addresses,
      abis: abisOf(artifacts),
      ended: anvil.ended,
      stop: anvil.stop,
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

async function contractsOn(
  anvil: Anvil,
  artifacts: Artifacts,
  accounts: readonly DevnetAccount[],
  options: DevnetOptions,
): Promise<DevnetAddresses> {
  const { reader, wallet } = devnetClients(anvil.url);
  const deployer = mnemonicToAccount(MNEMONIC, { addressIndex: 0 });
  const controller = controllerAddress(deployer.address);
  if (await reader.getCode({ address: controller })) return registered(reader, controller);

  const { roundLength = devnetParameters.roundLength, tokensEach = TOKENS_EACH } = options;
  const addresses = await deployContracts({ reader, wallet: wallet(deployer) }, artifacts, {
    parameters: { ...devnetParameters, ...options.parameters, roundLength },
    tokens: accounts.slice(1).map(({ address }) => ({ to: address, amount: tokensEach })),
  });
  if (options.startRound ?? true) {
    await startRound(reader, wallet(deployer), addresses.RoundsManager, roundLength);
  }
  return addresses;
}

/** What the Controller of a chain out of a state file knows. */
async function registered(
  reader: DevnetClients['reader'],
  controller: Address,
): Promise<DevnetAddresses> {
  const known = contractNames.map(async (name) => {
    if (name === 'Controller') return [name, controller] as const;
    const address = await reader.readContract({
      address: controller,
      abi: controllerAbi,
      functionName: 'getContract',
      args: [contractId(name)],
    });
    return [name, address] as const;
  });
  return Object.fromEntries(await Promise.all(known)) as Record<ContractName, Address>;
}

/**
 * Goes on to the first block of the next round: round 0 has no block hash, so that no ticket of it
 * can be redeemed, and the blocks that deploying took are none of anybody's round.
 */
async function startRound(
  reader: DevnetClients['reader'],
  wallet: WalletClient<HttpTransport, Chain, Account>,
  roundsManager: Address,
  roundLength: number,
): Promise<void> {
  const block = Number(await reader.getBlockNumber());
  await mineBlocks(reader, roundLength - (block % roundLength));
  const hash = await wallet.writeContract({
    address: roundsManager,
    abi: roundsManagerAbi,
    functionName: 'initializeRound',
  });
  await reader.waitForTransactionReceipt({ hash });
}

/** Makes blocks at once, without transactions. */
export async function mineBlocks(reader: DevnetClients['reader'], count: number): Promise<void> {
  type Mine = { Method: 'anvil_mine'; Parameters: [Hex]; ReturnType: null };
  await reader.request<Mine>({ method: 'anvil_mine', params: [toHex(count)] });
}

/** Behind a proxy the ABI is the one of the code. */
function abisOf(artifacts: Artifacts): Record<ContractName, Abi> {
  const named = contractNames.map((name) => {
    const contract = name === 'UsdToken' || name === 'EurToken' ? 'TestToken' : name;
    return [name, artifacts[contract]?.abi ?? []] as const;
  });
  return Object.fromEntries(named) as Record<ContractName, Abi>;
}
