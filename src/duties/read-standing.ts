import {
  type Address,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  isAddressEqual,
  zeroAddress,
} from 'viem';
import { TributaryError } from '../base/errors.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import { controllerAbi } from '../chain/abi/controller.ts';
import { livepeerTokenAbi } from '../chain/abi/livepeer-token.ts';
import { minterAbi } from '../chain/abi/minter.ts';
import { roundsManagerAbi } from '../chain/abi/rounds-manager.ts';
import { serviceRegistryAbi } from '../chain/abi/service-registry.ts';
import type { Contracts } from '../chain/contracts.ts';
import type { Providers } from '../chain/providers.ts';
import type { UnbondingLock } from './action-types.ts';
import type { PoolMember, TranscoderPool } from './pool-position.ts';
import { rewardOf, type Standing } from './standing.ts';

/** A pool has 100 places on Arbitrum One; a node that never ends the list is not believed. */
const POOL_MAX = 1_000;
/** Locks that are looked at, the newest; a withdrawn one stays behind as nothing. */
const LOCKS_MAX = 200n;
const BONDING = ['pending', 'bonded', 'unbonded'] as const;

/** What reading needs. */
export interface StandingParts {
  readonly providers: Pick<Providers, 'client' | 'request'>;
  readonly contracts: Contracts;
  readonly orchestrator: Address;
}

/**
 * Asks the contracts for everything that a decision about the orchestrator may need. The answers
 * are of a few neighbouring blocks, so what is sent on them may still fail.
 *
 * @throws TributaryError `rpc_unavailable`
 */
export async function readStanding(
  parts: StandingParts,
  /** The pool as it was, where it need not be walked again. */
  known?: TranscoderPool,
): Promise<Standing> {
  const { providers, contracts, orchestrator } = parts;
  const { client } = providers;
  const rounds = { address: contracts.roundsManager, abi: roundsManagerAbi } as const;
  const bonding = { address: contracts.bondingManager, abi: bondingManagerAbi } as const;
  const minter = { address: contracts.minter, abi: minterAbi } as const;
  const token = { address: contracts.token, abi: livepeerTokenAbi } as const;
  const registry = { address: contracts.serviceRegistry, abi: serviceRegistryAbi } as const;
  const controller = { address: contracts.controller, abi: controllerAbi } as const;
  const self = [orchestrator] as const;
  const round = await client.readContract({ ...rounds, functionName: 'currentRound' });
  const [
    paused,
    roundInitialized,
    roundLocked,
    unbondingPeriod,
    registered,
    active,
    transcoder,
    delegator,
    status,
  ] = await Promise.all([
    client.readContract({ ...controller, functionName: 'paused' }),
    client.readContract({ ...rounds, functionName: 'currentRoundInitialized' }),
    client.readContract({ ...rounds, functionName: 'currentRoundLocked' }),
    client.readContract({ ...bonding, functionName: 'unbondingPeriod' }),
    client.readContract({ ...bonding, functionName: 'isRegisteredTranscoder', args: self }),
    client.readContract({ ...bonding, functionName: 'isActiveTranscoder', args: self }),
    client.readContract({ ...bonding, functionName: 'getTranscoder', args: self }),
    client.readContract({ ...bonding, functionName: 'getDelegator', args: self }),
    client.readContract({ ...bonding, functionName: 'delegatorStatus', args: self }),
  ]);
  const upTo = [orchestrator, round] as const;
  const [lastRewardRound, rewardCut, feeShare, lastUpdate, activationRound, deactivationRound] =
    transcoder;
  const [
    ownStake,
    pendingFees,
    locks,
    serviceUri,
    balanceLpt,
    balanceWei,
    allowance,
    pool,
    rewardCaller,
    gasPrice,
    mintable,
    totalActiveStake,
    treasuryCut,
    earnings,
  ] = await Promise.all([
    client.readContract({ ...bonding, functionName: 'pendingStake', args: upTo }),
    client.readContract({ ...bonding, functionName: 'pendingFees', args: upTo }),
    readLocks(parts, delegator[6]),
    client.readContract({ ...registry, functionName: 'getServiceURI', args: self }),
    client.readContract({ ...token, functionName: 'balanceOf', args: self }),
    client.getBalance({ address: orchestrator }),
    client.readContract({
      ...token,
      functionName: 'allowance',
      args: [orchestrator, contracts.bondingManager],
    }),
    known ?? readPool(parts),
    readRewardCaller(parts),
    client.getGasPrice(),
    client.readContract({ ...minter, functionName: 'currentMintableTokens' }),
    client.readContract({ ...bonding, functionName: 'currentRoundTotalActiveStake' }),
    client.readContract({ ...bonding, functionName: 'treasuryRewardCutRate' }),
    client.readContract({
      ...bonding,
      functionName: 'getTranscoderEarningsPoolForRound',
      args: [orchestrator, earlier(lastUpdate, round)],
    }),
  ]);
  return {
    orchestrator,
    bondingManager: contracts.bondingManager,
    paused,
    round,
    roundInitialized,
    roundLocked,
    unbondingPeriod,
    registered,
    active,
    activationRound,
    deactivationRound,
    lastRewardRound,
    rewardCut,
    feeShare,
    totalStake: delegator[3],
    ownStake,
    pendingFees,
    delegate: delegator[2],
    bonding: BONDING[status] ?? 'unbonded',
    locks,
    serviceUri,
    balanceLpt,
    balanceWei,
    allowance,
    pool,
    reward: rewardOf({ mintable, stake: earnings[0], totalActiveStake, treasuryCut }),
    rewardCaller,
    gasPrice,
  };
}

/**
 * Walks the transcoder pool from its head.
 *
 * @throws TributaryError `rpc_unavailable`
 */
export async function readPool({ providers, contracts }: StandingParts): Promise<TranscoderPool> {
  const { client } = providers;
  const bonding = { address: contracts.bondingManager, abi: bondingManagerAbi } as const;
  const sizeMax = client.readContract({ ...bonding, functionName: 'getTranscoderPoolMaxSize' });
  const addresses: Address[] = [];
  let at = await client.readContract({ ...bonding, functionName: 'getFirstTranscoderInPool' });
  while (!isAddressEqual(at, zeroAddress) && addresses.length < POOL_MAX) {
    addresses.push(at);
    at = await client.readContract({
      ...bonding,
      functionName: 'getNextTranscoderInPool',
      args: [at],
    });
  }
  const members = addresses.map(async (address): Promise<PoolMember> => {
    const args = [address] as const;
    const asked = { ...bonding, functionName: 'transcoderTotalStake', args } as const;
    return { address, stake: await client.readContract(asked) };
  });
  return { members: await Promise.all(members), sizeMax: Number(await sizeMax) };
}

async function readLocks(parts: StandingParts, next: bigint): Promise<readonly UnbondingLock[]> {
  const first = next > LOCKS_MAX ? next - LOCKS_MAX : 0n;
  const ids = Array.from({ length: Number(next - first) }, (_, index) => first + BigInt(index));
  const locks = ids.map(async (id): Promise<UnbondingLock> => {
    const [amount, withdrawRound] = await parts.providers.client.readContract({
      address: parts.contracts.bondingManager,
      abi: bondingManagerAbi,
      functionName: 'getDelegatorUnbondingLock',
      args: [parts.orchestrator, id],
    });
    return { id, amount, withdrawRound };
  });
  // Withdrawn and rebonded ones are deleted. protocol: isValidUnbondingLock.
  return (await Promise.all(locks)).filter(({ withdrawRound }) => withdrawRound > 0n);
}

/** Undefined where the contract is from before it had reward callers (LIP-118): it reverts then. */
async function readRewardCaller(parts: StandingParts): Promise<Address | undefined> {
  const functionName = 'transcoderToRewardCaller';
  const data = encodeFunctionData({
    abi: bondingManagerAbi,
    functionName,
    args: [parts.orchestrator],
  });
  const call = { to: parts.contracts.bondingManager, data };
  const answer = await parts.providers
    .request<Hex>('eth_call', [call, 'latest'])
    .catch((error: unknown) => {
      if (error instanceof TributaryError && error.code === 'rpc_refused') return undefined;
      throw error;
    });
  if (answer === undefined || answer === '0x') return undefined;
  return decodeFunctionResult({ abi: bondingManagerAbi, functionName, data: answer });
}

/** Stake that was changed in this round counts from the next one on. */
function earlier(a: bigint, b: bigint): bigint {
  return a > b ? b : a;
}
