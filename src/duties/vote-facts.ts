import type { Address } from 'viem';
import { livepeerGovernorAbi } from '../chain/abi/livepeer-governor.ts';
import { pollAbi } from '../chain/abi/poll.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import type { DutiesParts } from './parts.ts';
import type { ProposalFacts } from './plan-money.ts';

type Parts = Pick<DutiesParts, 'providers' | 'contracts' | 'orchestrator' | 'watch'>;

/**
 * How a proposal stands for this orchestrator; undefined without a governor.
 *
 * @throws TributaryError `rpc_unavailable`
 */
export async function proposalFacts(
  { providers, contracts, orchestrator }: Omit<Parts, 'watch'>,
  proposal: bigint,
): Promise<ProposalFacts | undefined> {
  const address = contracts.governor;
  if (!address) return undefined;
  const { client } = providers;
  const governor = { address, abi: livepeerGovernorAbi } as const;
  const state = await answered(
    client.readContract({ ...governor, functionName: 'state', args: [proposal] }),
  );
  if (state === undefined) return { state, hasVoted: false, power: undefined };
  const hasVoted = await client.readContract({
    ...governor,
    functionName: 'hasVoted',
    args: [proposal, orchestrator],
  });
  const at = await client.readContract({
    ...governor,
    functionName: 'proposalSnapshot',
    args: [proposal],
  });
  const args = [orchestrator, at] as const;
  const power = await answered(
    client.readContract({ ...governor, functionName: 'getVotes', args }),
  );
  return { state, hasVoted, power };
}

/**
 * When a poll ends; undefined where there is none.
 *
 * @throws TributaryError `rpc_unavailable`
 */
export async function pollFacts(
  { providers, watch }: Parts,
  poll: Address,
): Promise<{ endBlock: bigint; l1Block: bigint } | undefined> {
  const asked = { address: poll, abi: pollAbi, functionName: 'endBlock' } as const;
  const endBlock = await answered(providers.client.readContract(asked));
  return endBlock === undefined ? undefined : { endBlock, l1Block: watch.current()?.l1Block ?? 0n };
}

/** In the order of the contract. protocol: LivepeerGovernor.state, IGovernor.ProposalState. */
export const STATES = [
  'pending',
  'active',
  'cancelled',
  'defeated',
  'succeeded',
  'queued',
  'lapsed',
  'executed',
] as const;

/** Undefined when the contract, and not the node, has no answer. */
export async function answered<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const own = ownError(error);
    if (own && own.code !== 'rpc_refused') throw own;
    return undefined;
  }
}
