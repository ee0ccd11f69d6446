import { type Address, decodeFunctionResult, encodeFunctionData, type Hex, toHex } from 'viem';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import type { Providers } from '../chain/providers.ts';

/** Unbonding locks that are looked at, the newest: others can add to their number, not to their sum. */
const LOCKS_MAX = 200n;
const NEXT_LOCK = 6;

/** What reading a stake needs. */
export interface OwnStakeParts {
  readonly providers: Pick<Providers, 'request'>;
  readonly bondingManager: Address;
  readonly orchestrator: Address;
}

/**
 * LPT base units that the orchestrator has in the protocol as of a block, or now: bonded, with rewards
 * that it has not claimed, and unbonding. Stops at `enough`: what there is beyond that is not asked.
 *
 * protocol: BondingManager.pendingStake, getDelegator, getDelegatorUnbondingLock.
 *
 * @throws TributaryError `rpc_unavailable`; `rpc_refused` by a node that keeps no state of that age
 */
export async function ownStake(
  parts: OwnStakeParts,
  block: bigint | undefined,
  enough: bigint,
): Promise<bigint> {
  const { orchestrator } = parts;
  const abi = bondingManagerAbi;
  const ask = (data: Hex) => askAt(parts, block, data);
  let held = await bondedStake(parts, block);
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

/**
 * What of it is bonded, with rewards that it has not claimed.
 *
 * @throws TributaryError as {@link ownStake}
 */
export async function bondedStake(
  parts: OwnStakeParts,
  block: bigint | undefined,
): Promise<bigint> {
  // The contract takes the round that runs, whatever it is given. protocol: LIP-36.
  const asked = {
    abi: bondingManagerAbi,
    functionName: 'pendingStake',
    args: [parts.orchestrator, 0n],
  } as const;
  const data = await askAt(parts, block, encodeFunctionData(asked));
  return decodeFunctionResult({ ...asked, data });
}

function askAt(
  { providers, bondingManager }: OwnStakeParts,
  block: bigint | undefined,
  data: Hex,
): Promise<Hex> {
  const at = block === undefined ? 'latest' : toHex(block);
  return providers.request<Hex>('eth_call', [{ to: bondingManager, data }, at]);
}
