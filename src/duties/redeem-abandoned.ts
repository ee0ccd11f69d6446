import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import type { Clock, Instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import type { ClaimGroup } from './redeem-settle.ts';

/** Nodes that restart, or a database that fails over, are back long before. */
const ABANDONED_MS = 10 * 60_000;

/**
 * Claims of accounts for which no node has sent anything for ten minutes: its key was given up, or
 * its machine is gone. Another account may redeem their tickets. Should the first one come back, the
 * contract pays once, and the later transaction costs its gas for nothing.
 */
export function followAbandoned(chainId: number, clock: Clock) {
  const silentSince = new Map<Hex, Instant>();
  return async (from: Queryable, open: readonly ClaimGroup[]): Promise<readonly ClaimGroup[]> => {
    const accounts = new Set(open.map(({ redeemer }) => redeemer));
    const driven = accounts.size === 0 ? accounts : await drivenOf(from, chainId, [...accounts]);
    for (const account of silentSince.keys()) {
      if (!accounts.has(account) || driven.has(account)) silentSince.delete(account);
    }
    const now = clock.now();
    return open.filter(({ redeemer }) => {
      if (driven.has(redeemer)) return false;
      const since = silentSince.get(redeemer) ?? now;
      silentSince.set(redeemer, since);
      return now - since >= ABANDONED_MS;
    });
  };
}

/** Accounts that some node sends for just now. */
async function drivenOf(
  from: Queryable,
  chainId: number,
  accounts: readonly Hex[],
): Promise<ReadonlySet<Hex>> {
  const wanted = accounts.map((account) => Buffer.from(account.slice(2), 'hex'));
  const { rows } = await from.query<{ account: Buffer }>(sql`
    select account from chain_account
    where chain_id = ${chainId} and account = any(${wanted}::bytea[]) and driven_until > now()`);
  return new Set(rows.map(({ account }): Hex => `0x${hex(account)}`));
}
