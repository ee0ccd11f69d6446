import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Candidate, Recipient } from './plan-types.ts';
import { addressIn, bytes, time } from './store.ts';

/** In what and from which amount on a worker wants to be paid. */
export interface Preference {
  readonly asset: AssetId | undefined;
  readonly threshold: bigint | undefined;
  readonly fiatAccount: string | undefined;
}

/** Stores all of a worker's choices but its address. */
export async function storePreference(
  tx: Transaction,
  worker: string,
  { asset, threshold, fiatAccount }: Preference,
  at: Instant,
): Promise<void> {
  await tx.query(sql`
    insert into payout_preference (worker, asset, threshold, fiat_account, changed_at)
    values (${worker}, ${asset ?? null}, ${threshold ?? null}, ${fiatAccount ?? null}, ${time(at)})
    on conflict (worker) do update set asset = excluded.asset, threshold = excluded.threshold,
      fiat_account = excluded.fiat_account, changed_at = excluded.changed_at`);
}

/** What a worker chose; undefined: nothing yet. */
export async function preferenceOf(
  from: Queryable,
  worker: string,
): Promise<Preference | undefined> {
  const { rows } = await from.query<PreferenceRow>(sql`
    select asset, threshold, fiat_account from payout_preference where worker = ${worker}`);
  const [row] = rows;
  return row && decoded(row);
}

interface PreferenceRow {
  asset: string | null;
  threshold: bigint | null;
  fiat_account: string | null;
}

function decoded(row: PreferenceRow): Preference {
  return {
    asset: (row.asset ?? undefined) as AssetId | undefined,
    threshold: row.threshold ?? undefined,
    fiatAccount: row.fiat_account ?? undefined,
  };
}

/**
 * Every worker that the pool owes something, revoked ones too: what was earned stays. Waiting since
 * its last payout was reserved, or since the first credit.
 */
export async function candidates(from: Queryable): Promise<readonly Candidate[]> {
  const { rows } = await from.query<
    PreferenceRow & {
      id: string;
      name: string;
      payout_address: Buffer | null;
      owed_asset: string;
      owed: bigint;
      since: Instant | null;
      debt: string | null;
    }
  >(sql`
    select w.id, w.name, w.payout_address, p.asset, p.threshold, p.fiat_account,
      b.asset as owed_asset, -b.balance as owed,
      (select min(d.asset) from account_balance d
       where d.account = b.account and d.balance > 0) as debt,
      (select min(at) from posting join entry on entry.posting = posting.number
       where entry.account = b.account and entry.asset = b.asset and entry.amount < 0
         and posting.number > coalesce((
           select max(p2.number) from posting p2 join entry e2 on e2.posting = p2.number
           where e2.account = b.account and e2.asset = b.asset and p2.kind = 'payout_reserved'), 0)
      ) as since
    from account_balance b
    join worker w on b.account = 'worker:' || w.id
    left join payout_preference p on p.worker = w.id
    where b.balance < 0
    order by w.id, b.asset`);
  const found = new Map<string, Candidate>();
  for (const row of rows) {
    const known = found.get(row.id);
    const since = row.since === null ? undefined : instant(row.since);
    found.set(row.id, {
      worker: row.id,
      name: row.name,
      address: addressIn(row.payout_address),
      ...decoded(row),
      owed: { ...known?.owed, [row.owed_asset]: row.owed } as Candidate['owed'],
      waitingSince: earlier(known?.waitingSince, since),
      debt: (row.debt ?? undefined) as Candidate['debt'],
    });
  }
  return [...found.values()];
}

function earlier(one: Instant | undefined, other: Instant | undefined): Instant | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}

/** A change of address that has not taken effect, or has. */
export interface AddressChange {
  readonly worker: string;
  readonly nonce: bigint;
  readonly oldAddress: Recipient | undefined;
  readonly newAddress: Recipient;
  readonly askedBy: 'signatures' | 'operator';
  readonly askedAt: Instant;
  readonly effectiveAt: Instant;
  readonly state: 'waiting' | 'effective' | 'stopped';
}

/** All changes of a worker's address, or all that wait, oldest first. */
export async function addressChanges(
  from: Queryable,
  which: { readonly worker: string } | 'waiting',
): Promise<readonly AddressChange[]> {
  const worker = which === 'waiting' ? null : which.worker;
  const { rows } = await from.query<{
    worker: string;
    nonce: bigint;
    old_address: Buffer | null;
    new_address: Buffer;
    asked_by: AddressChange['askedBy'];
    asked_at: Instant;
    effective_at: Instant;
    state: AddressChange['state'];
  }>(sql`
    select worker, nonce, old_address, new_address, asked_by, asked_at, effective_at, state
    from payout_address_change
    where case when ${worker}::text is null then state = 'waiting' else worker = ${worker} end
    order by number`);
  return rows.map((row) => ({
    worker: row.worker,
    nonce: row.nonce,
    oldAddress: addressIn(row.old_address),
    newAddress: addressIn(row.new_address) as Recipient,
    askedBy: row.asked_by,
    askedAt: instant(row.asked_at),
    effectiveAt: instant(row.effective_at),
    state: row.state,
  }));
}

/** Adds a change in place of one that waits. */
export async function addAddressChange(
  tx: Transaction,
  change: Omit<AddressChange, 'state'>,
): Promise<void> {
  await stopAddressChange(tx, change.worker, change.askedAt);
  await tx.query(sql`
    insert into payout_address_change
      (worker, nonce, old_address, new_address, asked_by, asked_at, effective_at)
    values (${change.worker}, ${change.nonce}, ${bytes(change.oldAddress)},
      ${bytes(change.newAddress)}, ${change.askedBy}, ${time(change.askedAt)},
      ${time(change.effectiveAt)})`);
}

/** Stops the change that waits; false: there is none. */
export async function stopAddressChange(
  tx: Transaction,
  worker: string,
  at: Instant,
): Promise<boolean> {
  const { count } = await tx.query(sql`
    update payout_address_change set state = 'stopped', ended_at = ${time(at)}
    where worker = ${worker} and state = 'waiting'`);
  return count > 0;
}

/** Gives every worker the address whose time has come; who got one. */
export async function applyAddressChanges(
  tx: Transaction,
  at: Instant,
): Promise<readonly string[]> {
  const { rows } = await tx.query<{ worker: string }>(sql`
    with due as (
      update payout_address_change set state = 'effective', ended_at = ${time(at)}
      where state = 'waiting' and effective_at <= ${time(at)}
      returning worker, new_address)
    update worker set payout_address = due.new_address from due where worker.id = due.worker
    returning worker.id as worker`);
  return rows.map(({ worker }) => worker);
}

/** A worker by name or id, its row locked, with its address; the nonce of its next change. */
export async function lockForAddress(
  tx: Transaction,
  ref: string,
): Promise<
  | {
      readonly worker: string;
      readonly name: string;
      readonly address: Recipient | undefined;
      readonly nonce: bigint;
    }
  | undefined
> {
  const { rows } = await tx.query<{ id: string; name: string; payout_address: Buffer | null }>(sql`
    select id, name, payout_address from worker
    where id = ${ref} or lower(name) = lower(${ref})
    order by id = ${ref} desc, state <> 'revoked' desc, created_at desc limit 1 for update`);
  const [row] = rows;
  if (!row) return undefined;
  const { rows: counted } = await tx.query<{ nonce: bigint }>(sql`
    select coalesce(max(nonce), 0) + 1 as nonce from payout_address_change where worker = ${row.id}`);
  return {
    worker: row.id,
    name: row.name,
    address: addressIn(row.payout_address),
    nonce: counted[0]?.nonce ?? 1n,
  };
}
