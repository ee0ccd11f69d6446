import {
  type Abi,
  type Account,
  type Address,
  type Chain,
  encodeDeployData,
  encodeFunctionData,
  getContractAddress,
  type Hex,
  type HttpTransport,
  keccak256,
  type PublicClient,
  stringToBytes,
  type WalletClient,
} from 'viem';
import { TributaryError } from '../base/errors.ts';
import type { Artifacts } from './devnet-contracts.ts';
import { type DevnetParameters, UNIT } from './devnet-parameters.ts';
import { CREATOR, DISPERSE, deployDisperseData } from './disperse.ts';

/** The contracts that a local chain has, by the names under which its Controller knows them. */
export const contractNames = [
  'Controller',
  'LivepeerToken',
  'LivepeerTokenFaucet',
  'Minter',
  'RoundsManager',
  'BondingManager',
  'BondingVotes',
  'TicketBroker',
  'ServiceRegistry',
  'AIServiceRegistry',
  'LivepeerGovernor',
  'Treasury',
  'PollCreator',
  'L2LPTDataCache',
  'PriceFeed',
  'UsdToken',
  'EurToken',
  'Disperse',
] as const;
export type ContractName = (typeof contractNames)[number];
export type DevnetAddresses = Readonly<Record<ContractName, Address>>;

/** LPT that exist before the first reward. */
export const SUPPLY: bigint = 1_000_000n * UNIT;
/** What the faucet starts with, and gives at a time, as on the test networks. */
const FAUCET = { supply: 100_000n * UNIT, amount: 10n * UNIT, waitHours: 1n } as const;
/** ETH/USD with 8 places, as the feed of the live network: 3,000 USD. */
const ETH_USD = { description: 'ETH / USD', decimals: 8, answer: 3_000n * 10n ** 8n } as const;
/** One vote needs 100 LPT, 33.33 % quorum, half of the votes (the live network's settings). */
const VOTING = {
  delay: 1n,
  period: 10n,
  threshold: 100n * UNIT,
  quorum: 333_300n,
  quota: 500_000n,
};

/** Above what the largest contract takes (5.5 million), so that nothing needs an estimate. */
const DEPLOY_GAS = 8_000_000n;
const CALL_GAS = 1_000_000n;

/** The clients that deploy; the wallet's account becomes the owner of everything. */
export interface Deployer {
  readonly wallet: WalletClient<HttpTransport, Chain, Account>;
  readonly reader: PublicClient<HttpTransport, Chain>;
}

/** How the contracts start. */
export interface Deployment {
  readonly parameters: DevnetParameters;
  /** LPT for these accounts, in 10^-18; the rest of the supply stays with the deployer. */
  readonly tokens: readonly { readonly to: Address; readonly amount: bigint }[];
}

/** keccak-256 of a contract's name: how the Controller knows it. */
export function contractId(name: string): Hex {
  return keccak256(stringToBytes(name));
}

/** Where the Controller of a local chain is: the deployer's first contract. */
export function controllerAddress(deployer: Address): Address {
  return getContractAddress({ from: deployer, nonce: 0n });
}

/**
 * Deploys every contract from an account that never sent anything, sets the parameters and unpauses.
 * Transactions follow each other without waiting, so that it takes as few blocks as the chain likes.
 *
 * @throws TributaryError `devnet_failed` when a transaction reverts
 */
export async function deployContracts(
  { wallet, reader }: Deployer,
  artifacts: Artifacts,
  { parameters, tokens }: Deployment,
): Promise<DevnetAddresses> {
  const owner = wallet.account.address;
  const sent: { readonly what: string; readonly hash: Hex }[] = [];

  const send = async (what: string, data: Hex, to: Address | undefined, gas: bigint) => {
    const nonce = sent.length;
    const hash = await wallet.sendTransaction({ data, nonce, gas, ...(to ? { to } : {}) });
    sent.push({ what, hash });
    return getContractAddress({ from: owner, nonce: BigInt(nonce) });
  };
  const create = async (contract: string, ...args: readonly unknown[]) => {
    const { abi, bytecode } = artifactOf(artifacts, contract);
    const data = encodeDeployData({ abi, bytecode, args } as Parameters<
      typeof encodeDeployData
    >[0]);
    return send(`new ${contract}`, data, undefined, DEPLOY_GAS);
  };
  const call = async (contract: string, to: Address, functionName: string, ...args: unknown[]) => {
    const { abi } = artifactOf(artifacts, contract);
    await send(
      `${contract}.${functionName}`,
      encodeFunctionData({ abi: abi as Abi, functionName, args }),
      to,
      CALL_GAS,
    );
  };

  const controller = await create('Controller');
  const register = async (name: string, address: Address): Promise<Address> => {
    await call('Controller', controller, 'setContractInfo', contractId(name), address, NO_COMMIT);
    return address;
  };
  /** The state at the proxy, the code behind it. */
  const proxied = async (name: string): Promise<Address> => {
    await register(`${name}Target`, await create(name, controller));
    return register(name, await create('ManagerProxy', controller, contractId(`${name}Target`)));
  };

  const token = await register('LivepeerToken', await create('LivepeerToken'));
  const bondingManager = await proxied('BondingManager');
  const { inflation, inflationChange, targetBondingRate } = parameters;
  const addresses: DevnetAddresses = {
    Controller: controller,
    LivepeerToken: token,
    Minter: await register(
      'Minter',
      await create('Minter', controller, inflation, inflationChange, targetBondingRate),
    ),
    L2LPTDataCache: await register('L2LPTDataCache', await create('L2LPTDataCache')),
    RoundsManager: await proxied('RoundsManager'),
    BondingManager: bondingManager,
    BondingVotes: await proxied('BondingVotes'),
    TicketBroker: await proxied('TicketBroker'),
    ServiceRegistry: await proxied('ServiceRegistry'),
    LivepeerGovernor: await proxied('LivepeerGovernor'),
    Treasury: await register('Treasury', await create('Treasury')),
    LivepeerTokenFaucet: await register(
      'LivepeerTokenFaucet',
      await create('LivepeerTokenFaucet', token, FAUCET.amount, FAUCET.waitHours),
    ),
    // The live Controller does not know the next six; here it makes them easy to find.
    AIServiceRegistry: await register(
      'AIServiceRegistry',
      await create('AIServiceRegistry', controller),
    ),
    PriceFeed: await register(
      'PriceFeed',
      await create('PriceFeed', ETH_USD.description, ETH_USD.decimals, ETH_USD.answer),
    ),
    UsdToken: await register('UsdToken', await create('TestToken', 'Devnet Dollar', 'USDX', 6)),
    EurToken: await register('EurToken', await create('TestToken', 'Devnet Euro', 'EURX', 18)),
    PollCreator: await register('PollCreator', await create('PollCreator', bondingManager)),
    Disperse: await register('Disperse', DISPERSE),
  };
  // Where it is on every chain: whoever is first deploys it for all.
  await send('Disperse', deployDisperseData, CREATOR, DEPLOY_GAS);
  // Minter takes ETH from whoever is registered as JobsManager.
  await register('JobsManager', addresses.TicketBroker);

  const set = (contract: ContractName, functionName: string, ...args: unknown[]) =>
    call(contract, addresses[contract], functionName, ...args);
  await set('RoundsManager', 'setRoundLength', BigInt(parameters.roundLength));
  await set('RoundsManager', 'setRoundLockAmount', parameters.roundLockAmount);
  await set('BondingManager', 'setUnbondingPeriod', parameters.unbondingPeriod);
  await set('BondingManager', 'setNumActiveTranscoders', parameters.numActiveTranscoders);
  await set('BondingManager', 'setTreasuryRewardCutRate', parameters.treasuryRewardCutRate);
  await set('BondingManager', 'setTreasuryBalanceCeiling', parameters.treasuryBalanceCeiling);
  await set('TicketBroker', 'setUnlockPeriod', parameters.unlockPeriod);
  await set('TicketBroker', 'setTicketValidityPeriod', parameters.ticketValidityPeriod);

  const { delay, period, threshold, quorum, quota } = VOTING;
  await set('LivepeerGovernor', 'initialize', delay, period, threshold, quorum, quota);
  const governors = [addresses.LivepeerGovernor];
  await set('Treasury', 'initialize', 0n, governors, governors, NOBODY);

  await set('LivepeerToken', 'grantRole', contractId('MINTER_ROLE'), addresses.Minter);
  await set('LivepeerToken', 'grantRole', contractId('BURNER_ROLE'), addresses.Minter);
  await set('LivepeerToken', 'grantRole', contractId('MINTER_ROLE'), owner);
  const given = [{ to: addresses.LivepeerTokenFaucet, amount: FAUCET.supply }, ...tokens];
  const rest = given.reduce((left, { amount }) => left - amount, SUPPLY);
  for (const { to, amount } of [...given, { to: owner, amount: rest }]) {
    await set('LivepeerToken', 'mint', to, amount);
  }
  await set('Controller', 'unpause');

  for (const { what, hash } of sent) {
    const { status } = await reader.waitForTransactionReceipt({ hash, pollingInterval: POLL_MS });
    if (status !== 'success') throw new TributaryError('devnet_failed', `${what} reverted.`);
  }
  return addresses;
}
const NO_COMMIT: Hex = `0x${'00'.repeat(20)}`;
const NOBODY: Address = `0x${'00'.repeat(20)}`;
/** A chain on this machine answers in less. */
const POLL_MS = 50;

function artifactOf(artifacts: Artifacts, name: string): Artifacts[string] {
  const artifact = artifacts[name];
  if (!artifact) throw new TributaryError('devnet_failed', `There is no contract ${name}.`);
  return artifact;
}
