import sql from 'sql-template-tag';
import { type Instant, instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Recipient } from '../payouts/plan-types.ts';
import { addressIn, bytes, time } from '../payouts/store.ts';
import type { Role } from './access.ts';

/** Whom a session or link is of. */
export type Holder =
  | { readonly operator: string }
  | { readonly worker: string }
  | { readonly address: Recipient };

/** A session that is valid now. */
export interface StoredSession {
  readonly hash: Buffer;
  readonly by: 'wallet' | 'link';
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  readonly holder:
    | { readonly kind: 'operator'; readonly id: string; readonly name: string; readonly role: Role }
    | {
        readonly kind: 'worker';
        readonly address: Recipient | undefined;
        readonly workers: readonly WorkerId[];
      };
}

/** Starts a session. */
export async function addSession(
  tx: Queryable,
  session: {
    readonly hash: Buffer;
    readonly holder: Holder;
    readonly by: 'wallet' | 'link';
    readonly at: Instant;
    readonly expiresAt: Instant;
  },
): Promise<void> {
  const { hash, holder, by, at, expiresAt } = session;
  await tx.query(sql`
    insert into api_session (hash, operator, worker, address, signed_in_by, created_at, expires_at)
    values (${hash}, ${'operator' in holder ? holder.operator : null},
      ${'worker' in holder ? holder.worker : null},
      ${'address' in holder ? bytes(holder.address) : null}, ${by}, ${time(at)}, ${time(expiresAt)})`);
}

interface SessionRow {
  hash: Buffer;
  signed_in_by: 'wallet' | 'link';
  created_at: Instant;
  expires_at: Instant;
  address: Buffer | null;
  operator: string | null;
  name: string | null;
  role: Role | null;
  workers: string[];
}

/** Sessions that are valid: that of one token, or all of the same holder as that one. */
export async function validSessions(
  from: Queryable,
  { hash, ofSameHolder = false }: { readonly hash: Buffer; readonly ofSameHolder?: boolean },
  at: Instant,
): Promise<readonly StoredSession[]> {
  const { rows } = await from.query<SessionRow>(
    sql`
    select s.hash, s.signed_in_by, s.created_at, s.expires_at, s.address, o.id as operator, o.name,
      o.role, array(select w.id from worker w where w.id = s.worker or w.payout_address = s.address
        order by w.name, w.id) as workers
    from api_session s left join operator o on o.id = s.operator
    where (s.hash = ${hash} or (${ofSameHolder}::boolean and exists (
        select from api_session own where own.hash = ${hash}
          and (own.operator, own.worker, own.address)
            is not distinct from (s.operator, s.worker, s.address))))
      and s.ended_at is null and s.expires_at > ${time(at)} and o.removed_at is null
    order by s.created_at desc`,
    'api_sessions',
  );
  return rows.map((row) => ({
    hash: row.hash,
    by: row.signed_in_by,
    createdAt: instant(row.created_at),
    expiresAt: instant(row.expires_at),
    holder:
      row.operator === null
        ? {
            kind: 'worker',
            address: addressIn(row.address),
            workers: row.workers as WorkerId[],
          }
        : {
            kind: 'operator',
            id: row.operator,
            name: row.name as string,
            role: row.role as Role,
          },
  }));
}

/** Ends a session, for good. */
export async function endSession(tx: Queryable, hash: Buffer, at: Instant): Promise<void> {
  await tx.query(sql`
    update api_session set ended_at = ${time(at)} where hash = ${hash} and ended_at is null`);
}

/** Ends every session of an operator or worker; how many there were. */
export async function endSessionsOf(tx: Queryable, holder: Holder, at: Instant): Promise<number> {
  const { count } = await tx.query(sql`
    update api_session set ended_at = ${time(at)}
    where ended_at is null and expires_at > ${time(at)}
      and (operator = ${'operator' in holder ? holder.operator : null}
        or worker = ${'worker' in holder ? holder.worker : null}
        or address = ${'address' in holder ? bytes(holder.address) : null})`);
  return count;
}

/** Takes a nonce; false: somebody signed in with it already. Forgets those that are over. */
export async function takeNonce(
  tx: Transaction,
  nonce: string,
  { at, expiresAt }: { readonly at: Instant; readonly expiresAt: Instant },
): Promise<boolean> {
  await tx.query(sql`delete from used_nonce where expires_at < ${time(at)}`);
  const { count } = await tx.query(sql`
    insert into used_nonce (nonce, expires_at) values (${nonce}, ${time(expiresAt)})
    on conflict do nothing`);
  return count === 1;
}

/** Takes away what ended long ago; the audit log says who was there. */
export async function forgetSessions(tx: Transaction, before: Instant): Promise<void> {
  await tx.query(sql`
    delete from api_session where least(expires_at, ended_at) < ${time(before)}`);
  await tx.query(sql`delete from login_link where expires_at < ${time(before)}`);
}

/** Stores a link that signs in once. */
export async function addLink(
  tx: Queryable,
  link: {
    readonly hash: Buffer;
    readonly holder: Exclude<Holder, { address: Recipient }>;
    readonly at: Instant;
    readonly expiresAt: Instant;
  },
): Promise<void> {
  const { hash, holder, at, expiresAt } = link;
  await tx.query(sql`
    insert into login_link (hash, operator, worker, created_at, expires_at)
    values (${hash}, ${'operator' in holder ? holder.operator : null},
      ${'worker' in holder ? holder.worker : null}, ${time(at)}, ${time(expiresAt)})`);
}

/** Uses a link up; undefined: there is none such that counts. */
export async function useLink(
  tx: Transaction,
  hash: Buffer,
  at: Instant,
): Promise<Exclude<Holder, { address: Recipient }> | undefined> {
  const { rows } = await tx.query<{ operator: string | null; worker: string | null }>(sql`
    update login_link l set used_at = ${time(at)}
    where l.hash = ${hash} and l.used_at is null and l.expires_at > ${time(at)}
      and not exists (select from operator o where o.id = l.operator and o.removed_at is not null)
    returning operator, worker`);
  const [row] = rows;
  if (!row) return undefined;
  return row.operator === null ? { worker: row.worker as string } : { operator: row.operator };
}

/** Whom a wallet may sign in as. */
export async function walletHolders(
  from: Queryable,
  address: Recipient,
): Promise<{ readonly operator: string | undefined; readonly isWorker: boolean }> {
  const { rows } = await from.query<{ operator: string | null; is_worker: boolean }>(sql`
    select (select id from operator where address = ${bytes(address)} and removed_at is null)
        as operator,
      exists (select from worker where payout_address = ${bytes(address)}) as is_worker`);
  return { operator: rows[0]?.operator ?? undefined, isWorker: rows[0]?.is_worker ?? false };
}
