import { encodeEventTopics, type Hex, parseEventLogs, toHex } from 'viem';
import { TributaryError } from '../base/errors.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import { bondedStake, type OwnStakeParts } from './own-stake.ts';

/** What changes a stake beside rewards. protocol: BondingManager. */
const CHANGES = ['Bond', 'Unbond', 'Rebond', 'TranscoderSlashed'] as const;
const TOPICS = CHANGES.map(
  (eventName) => encodeEventTopics({ abi: bondingManagerAbi, eventName })[0],
);

/**
 * LPT base units that a reward call added to the orchestrator's own stake: its cut, and the share of
 * what it has bonded itself. What the call added to its delegators is not in it. It is the stake of
 * that block less the stake of the block before, so that it agrees with the contract to the last
 * unit, and less what else changed the stake within the block, by the contract's events.
 *
 * protocol: BondingManager.rewardWithHint, pendingStake. An orchestrator has one reward in a block.
 *
 * @throws TributaryError `rpc_unavailable`; `rpc_refused` by a node that keeps no state of that age
 */
export async function ownReward(parts: OwnStakeParts, block: bigint): Promise<bigint> {
  const [after, before, other] = await Promise.all([
    bondedStake(parts, block),
    bondedStake(parts, block - 1n),
    changedOtherwise(parts, block),
  ]);
  const added = after - before - other;
  if (added >= 0n) return added;
  throw new TributaryError('rpc_unavailable', 'The nodes show a stake that a reward made less.');
}

/** What became stake of the orchestrator in a block, and ceased to be, but for rewards. */
async function changedOtherwise(
  { providers, bondingManager, orchestrator }: OwnStakeParts,
  block: bigint,
): Promise<bigint> {
  const number = toHex(block);
  const range = { address: bondingManager, fromBlock: number, toBlock: number };
  const logs = await providers.request<unknown>('eth_getLogs', [{ ...range, topics: [TOPICS] }]);
  if (!Array.isArray(logs)) {
    throw new TributaryError('rpc_unavailable', 'No node tells the events of a block.');
  }
  const isOwn = (address: Hex) => address.toLowerCase() === orchestrator.toLowerCase();
  let sum = 0n;
  for (const { eventName, args } of parseEventLogs({ abi: bondingManagerAbi, logs })) {
    if (eventName === 'Bond' && isOwn(args.delegator)) sum += args.additionalAmount;
    if (eventName === 'Rebond' && isOwn(args.delegator)) sum += args.amount;
    if (eventName === 'Unbond' && isOwn(args.delegator)) sum -= args.amount;
    if (eventName === 'TranscoderSlashed' && isOwn(args.transcoder)) sum -= args.penalty;
  }
  return sum;
}
