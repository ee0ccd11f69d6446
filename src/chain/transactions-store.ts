import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { parseHex } from '../base/bytes.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { type JournalAccount, storeStep } from './journal-store.ts';
import type { IntentId, JournalWrite } from './journal-types.ts';

/** Who sends for an account just now, as seen by one of those who would. */
export type Lead =
  | { readonly driving: true; readonly version: bigint }
  | { readonly driving: false };

/**
 * Takes or keeps the lead for `leaseMs`, if nobody else has it: two that sign for the same nonce
 * only waste each other's work. It decides nothing: what keeps the books right is the version that
 * each write names.
 */
export async function takeLead(
  from: Queryable,
  { chainId, address }: JournalAccount,
  driver: string,
  leaseMs: number,
): Promise<Lead> {
  const { rows } = await from.query<{ version: bigint }>(sql`
    insert into chain_account (chain_id, account, driver, driven_until)
    values (${chainId}, ${bytes(address)}, ${driver},
      now() + ${leaseMs}::double precision * interval '1 millisecond')
    on conflict (chain_id, account) do update
    set driver = excluded.driver, driven_until = excluded.driven_until
    where chain_account.driver is null or chain_account.driver = excluded.driver
      or chain_account.driven_until < now()
    returning version`);
  return rows[0] ? { driving: true, version: rows[0].version } : { driving: false };
}

/** Lets the next one take the lead at once. */
export async function giveLead(
  from: Queryable,
  { chainId, address }: JournalAccount,
  driver: string,
): Promise<void> {
  await from.query(sql`
    update chain_account set driver = null, driven_until = null
    where chain_id = ${chainId} and account = ${bytes(address)} and driver = ${driver}`);
}

/** Ids of everything that is not settled. */
export async function openIntents(
  from: Queryable,
  { chainId, address }: JournalAccount,
): Promise<readonly IntentId[]> {
  const { rows } = await from.query<{ id: IntentId }>(sql`
    select id from chain_intent
    where chain_id = ${chainId} and account = ${bytes(address)}
      and state not in ('final', 'failed')
    order by number`);
  return rows.map(({ id }) => id);
}

/**
 * Stores a step with what its transactions cost, and tells every node what is settled by it, on the
 * channel `chain_settled` with the id as payload.
 */
export async function storeStepWithCosts(
  tx: Transaction,
  account: JournalAccount,
  version: bigint,
  writes: readonly JournalWrite[],
  costs: ReadonlyMap<Hex, bigint>,
): Promise<'stored' | 'stale'> {
  if ((await storeStep(tx, account, version, writes)) === 'stale') return 'stale';
  for (const write of writes) {
    const done = usedUpBy(write);
    const wei = done && costs.get(done);
    if (done && wei !== undefined) {
      await tx.query(sql`
        insert into chain_gas (hash, wei) values (${bytes(done)}, ${wei}) on conflict do nothing`);
    }
    const id = settledBy(write);
    if (id !== undefined) await tx.query(sql`select pg_notify('chain_settled', ${id})`);
  }
  return 'stored';
}

/** Wei that the final transactions of an account cost in gas. */
export async function gasSpent(
  from: Queryable,
  { chainId, address }: JournalAccount,
): Promise<bigint> {
  const { rows } = await from.query<{ wei: bigint }>(sql`
    select coalesce(sum(wei), 0) as wei from chain_gas join chain_transaction using (hash)
    where chain_id = ${chainId} and account = ${bytes(address)}`);
  return rows[0]?.wei ?? 0n;
}

function usedUpBy(write: JournalWrite): Hex | undefined {
  if (write.write === 'replaced') return write.by;
  return write.write === 'entry' && write.entry.state === 'final'
    ? write.entry.inclusion.hash
    : undefined;
}

function settledBy(write: JournalWrite): IntentId | undefined {
  if (write.write !== 'entry') return undefined;
  const { state, intent } = write.entry;
  return state === 'final' || state === 'failed' ? intent.id : undefined;
}

function bytes(text: Hex): Buffer {
  const decoded = parseHex(text);
  if (!decoded) throw new RangeError('not hex');
  return Buffer.from(decoded);
}
