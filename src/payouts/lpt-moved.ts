import type { Hex } from 'viem';
import { TributaryError } from '../base/errors.ts';
import type { Providers } from '../chain/providers.ts';
import { field } from '../chain/transactions-look.ts';
import { type ReceiptLog, receiptLogs, transferIn } from './logs.ts';
import type { Recipient } from './plan-types.ts';

/**
 * Base units of a token that a transaction brought to accounts, less what it took from them, by its
 * Transfer events.
 *
 * @throws TributaryError `rpc_unavailable` while the node that answers has no receipt of it
 */
export async function lptMoved(
  parts: {
    readonly providers: Pick<Providers, 'request'>;
    readonly token: Hex;
    /** In lower case. */
    readonly treasury: readonly Recipient[];
  },
  transaction: Hex,
): Promise<bigint> {
  const { providers } = parts;
  const receipt = await providers.request<unknown>('eth_getTransactionReceipt', [transaction]);
  const logs = receiptLogs(field(receipt, 'logs'));
  if (!logs) throw new TributaryError('rpc_unavailable', 'No node has the receipt.');
  return lptIn(logs, parts);
}

/** {@link lptMoved} of a receipt that is at hand. */
export function lptIn(
  logs: readonly ReceiptLog[],
  { token, treasury }: { readonly token: Hex; readonly treasury: readonly Recipient[] },
): bigint {
  const contract = token.toLowerCase();
  return logs.reduce((sum, log) => {
    const moved = log.address === contract ? transferIn(log) : undefined;
    if (!moved) return sum;
    const came = treasury.includes(moved.to) ? moved.value : 0n;
    const left = treasury.includes(moved.from) ? moved.value : 0n;
    return sum + came - left;
  }, 0n);
}
