import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { hex } from '../base/bytes.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';

/** What the ids of an operator's own transactions begin with: `act:<action>:<step>:<method>`. */
export const ACTION_PREFIX = 'act:';

/** Whether an operator asked for a transaction; the rest are duties of the pool itself. */
export function isOfAction(intent: string): boolean {
  return intent.startsWith(ACTION_PREFIX);
}

/** A line of the transaction journal: what was wanted, and how far it has got. */
export interface JournalLine {
  readonly number: bigint;
  readonly id: string;
  readonly account: Hex;
  readonly recipient: Hex;
  readonly valueWei: bigint;
  readonly state: 'intended' | 'signed' | 'broadcast' | 'included' | 'final' | 'failed';
  /** Somebody called it off; it may have been too late. */
  readonly withdrawn: boolean;
  /** Why it came to nothing. */
  readonly reason: string | undefined;
  /** Whether the contract took it; undefined: no block shows it. */
  readonly succeeded: boolean | undefined;
  readonly block: bigint | undefined;
  readonly transaction: Hex | undefined;
  /** How often it was signed: with higher fees each time. */
  readonly attempts: number;
  /** When it came into its state. */
  readonly at: Instant;
}

interface Row {
  number: bigint;
  id: string;
  account: Buffer;
  recipient: Buffer;
  value: bigint;
  state: JournalLine['state'];
  withdrawn: boolean;
  reason: string | null;
  succeeded: boolean | null;
  block: bigint | null;
  hash: Buffer | null;
  attempts: bigint;
  at: Instant;
}

/** Lines of all accounts before a number, the last first. */
export async function journalLines(
  from: Queryable,
  { before, limit }: { readonly before: bigint | undefined; readonly limit: number },
): Promise<readonly JournalLine[]> {
  const { rows } = await from.query<Row>(sql`
    select i.number, i.id, i.account, i.recipient, i.value, i.state, i.withdrawn, i.reason, i.succeeded, i.block,
      coalesce(i.hash, (select t.hash from chain_transaction t
        where t.chain_id = n.chain_id and t.account = n.account and t.nonce = n.nonce
        order by t.number desc limit 1)) as hash,
      (select count(*) from chain_transaction t
        where t.chain_id = n.chain_id and t.account = n.account and t.nonce = n.nonce) as attempts,
      i.at
    from chain_intent i
    left join chain_nonce n on n.intent = i.number and n.used_up_by is null
    where ${before ?? null}::bigint is null or i.number < ${before ?? null}
    order by i.number desc limit ${limit}`);
  return rows.map((row) => ({
    number: row.number,
    id: row.id,
    account: `0x${hex(row.account)}`,
    recipient: `0x${hex(row.recipient)}`,
    valueWei: row.value,
    state: row.state,
    withdrawn: row.withdrawn,
    reason: row.reason ?? undefined,
    succeeded: row.succeeded ?? undefined,
    block: row.block ?? undefined,
    transaction: row.hash ? `0x${hex(row.hash)}` : undefined,
    attempts: Number(row.attempts),
    at: instant(row.at),
  }));
}
