import { decodeFunctionResult, encodeFunctionData, type Hex, toHex } from 'viem';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import type { OwnRewardParts } from './own-reward.ts';

/** Unbonding locks that are looked at, the newest: others can add to their number, not to their sum. */
const LOCKS_MAX = 200n;
const NEXT_LOCK = 6;

/**
 * LPT base units that the orchestrator has in the protocol as of a block, or now: bonded, with rewards
 * that it has not claimed, and unbonding. Stops at `enough`: what there is beyond that is not asked.
 *
 * protocol: BondingManager.pendingStake, getDelegator, getDelegatorUnbondingLock.
 *
 * @throws TributaryError `rpc_unavailable`; `rpc_refused` by a node that keeps no state of that age
 */
export async function ownStake(
  { providers, bondingManager, orchestrator }: OwnRewardParts,
  block: bigint | undefined,
  enough: bigint,
): Promise<bigint> {
  const abi = bondingManagerAbi;
  const ask = (data: Hex) =>
    providers.request<Hex>('eth_call', [
      { to: bondingManager, data },
      block === undefined ? 'latest' : toHex(block),
    ]);
  // The contract takes the round that runs, whatever it is given. protocol: LIP-36.
  const stake = { abi, functionName: 'pendingStake', args: [orchestrator, 0n] } as const;
  let held = decodeFunctionResult({ ...stake, data: await ask(encodeFunctionData(stake)) });
  if (held >= enough) return held;
  const delegator = { abi, functionName: 'getDelegator', args: [orchestrator] } as const;
  const told = decodeFunctionResult({
    ...delegator,
    data: await ask(encodeFunctionData(delegator)),
  });
  const last = told[NEXT_LOCK] > LOCKS_MAX ? told[NEXT_LOCK] - LOCKS_MAX : 0n;
  for (let id = told[NEXT_LOCK] - 1n; id >= last && held < enough; id--) {
    const lock = {
      abi,
      functionName: 'getDelegatorUnbondingLock',
      args: [orchestrator, id],
    } as const;
    const [amount] = decodeFunctionResult({ ...lock, data: await ask(encodeFunctionData(lock)) });
    held += amount;
  }
  return held;
}
