import sql from 'sql-template-tag';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { time } from './events-store.ts';
import type { NoticeOwner } from './notice.ts';

/** Who may link a Discord user: those who own workers. */
export type LinkOwner = Extract<NoticeOwner, { readonly kind: 'address' | 'worker' }>;

/** Keeps a code until it is used or too old; one owner has one. */
export async function storeLinkCode(
  tx: Transaction,
  code: { readonly hash: Buffer; readonly owner: LinkOwner; readonly expiresAt: number },
  now: number,
): Promise<void> {
  const { owner } = code;
  await tx.query(sql`
    delete from notice_code where expires_at <= ${time(now)}
      or (owner_kind = ${owner.kind} and owner = ${owner.id})`);
  await tx.query(sql`
    insert into notice_code (hash, owner_kind, owner, expires_at)
    values (${code.hash}, ${owner.kind}, ${owner.id}, ${time(code.expiresAt)})`);
}

/** Uses a code up, and links the Discord user that typed it in; false: there is no such code. */
export async function useLinkCode(
  tx: Transaction,
  hash: Buffer,
  user: string,
  now: number,
): Promise<boolean> {
  const { count } = await tx.query(sql`
    with used as (
      delete from notice_code where hash = ${hash} and expires_at > ${time(now)}
      returning owner_kind, owner)
    insert into notice_discord_user (discord_user, owner_kind, owner, linked_at)
    select ${user}, owner_kind, owner, ${time(now)} from used
    on conflict (discord_user, owner_kind, owner) do update set linked_at = excluded.linked_at`);
  return count === 1;
}

/** The workers that a Discord user is linked with, by name. */
export async function workersOfDiscordUser(
  from: Queryable,
  user: string,
): Promise<readonly { readonly id: WorkerId; readonly name: string }[]> {
  const { rows } = await from.query<{ id: string; name: string }>(sql`
    select w.id, w.name from worker w where exists (
      select from notice_discord_user d
      where d.discord_user = ${user} and (d.owner_kind = 'worker' and d.owner = w.id
        or d.owner_kind = 'address' and d.owner = '0x' || encode(w.payout_address, 'hex')))
    order by w.name, w.id`);
  return rows.map(({ id, name }) => ({ id: id as WorkerId, name }));
}

/** How many Discord users an owner is linked with. */
export async function countLinks(from: Queryable, owner: LinkOwner): Promise<number> {
  const { rows } = await from.query<{ count: bigint }>(sql`
    select count(*) as count from notice_discord_user
    where owner_kind = ${owner.kind} and owner = ${owner.id}`);
  return Number(rows[0]?.count ?? 0);
}

/** Takes every link of an owner back: how many there were. */
export async function removeLinks(to: Queryable, owner: LinkOwner): Promise<number> {
  const { count } = await to.query(sql`
    delete from notice_discord_user where owner_kind = ${owner.kind} and owner = ${owner.id}`);
  return count;
}
