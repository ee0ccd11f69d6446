import { TributaryError } from '../base/errors.ts';
import { bondedStake, type OwnStakeParts } from './own-stake.ts';

/**
 * LPT base units that a reward call added to the orchestrator's own stake: its cut, and the share of
 * what it has bonded itself. What the call added to its delegators is not in it. It is the stake of
 * that block less the stake of the block before, so that it agrees with the contract to the last
 * unit; nothing else of ours changes the stake within one block.
 *
 * protocol: BondingManager.rewardWithHint, pendingStake.
 *
 * @throws TributaryError `rpc_unavailable`; `rpc_refused` by a node that keeps no state of that age
 */
export async function ownReward(parts: OwnStakeParts, block: bigint): Promise<bigint> {
  const [after, before] = await Promise.all([
    bondedStake(parts, block),
    bondedStake(parts, block - 1n),
  ]);
  if (after < before) {
    throw new TributaryError('rpc_unavailable', 'The nodes show a stake that a reward made less.');
  }
  return after - before;
}
