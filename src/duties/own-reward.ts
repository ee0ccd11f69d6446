import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, toHex } from 'viem';
import { TributaryError } from '../base/errors.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import type { Providers } from '../chain/providers.ts';

/** What reading a reward needs. */
export interface OwnRewardParts {
  readonly providers: Pick<Providers, 'request'>;
  readonly bondingManager: Address;
  readonly orchestrator: Address;
}

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
export async function ownReward(parts: OwnRewardParts, block: bigint): Promise<bigint> {
  const [after, before] = await Promise.all([stakeAt(parts, block), stakeAt(parts, block - 1n)]);
  if (after < before) {
    throw new TributaryError('rpc_unavailable', 'The nodes show a stake that a reward made less.');
  }
  return after - before;
}

async function stakeAt(
  { providers, bondingManager, orchestrator }: OwnRewardParts,
  block: bigint,
): Promise<bigint> {
  // The contract takes the round that runs, whatever it is given. protocol: LIP-36.
  const asked = {
    abi: bondingManagerAbi,
    functionName: 'pendingStake',
    args: [orchestrator, 0n],
  } as const;
  const call = { to: bondingManager, data: encodeFunctionData(asked) };
  const data = await providers.request<Hex>('eth_call', [call, toHex(block)]);
  return decodeFunctionResult({ ...asked, data });
}
