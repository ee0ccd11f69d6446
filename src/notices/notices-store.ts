import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { time } from './events-store.ts';
import { type NoticeKind, noticeKinds } from './kinds.ts';
import type { Notice, NoticeId, NoticeWords } from './notice.ts';

const timeOr = (ms: number | undefined) => (ms === undefined ? sql`null::timestamptz` : time(ms));

/** Keeps a notice, for the history of its owner and the public feed. */
export async function addNotice(
  tx: Transaction,
  notice: NoticeWords & {
    readonly worker: WorkerId | undefined;
    readonly open: boolean;
    readonly at: number;
  },
): Promise<Notice> {
  const { rows } = await tx.query<{ id: bigint }>(sql`
    insert into notice (kind, worker, open, at, since, until, title, text, affected, todo, page)
    values (${notice.kind}, ${notice.worker ?? null}, ${notice.open}, ${time(notice.at)},
      ${time(notice.since)}, ${timeOr(notice.until)}, ${notice.title.slice(0, 200)},
      ${notice.text.slice(0, 4_000)}, ${notice.affected.slice(0, 1_000)},
      ${notice.todo?.slice(0, 1_000) ?? null}, ${notice.page ?? null})
    returning id`);
  return { ...notice, id: rows[0]?.id as NoticeId, at: notice.at as Instant };
}

interface NoticeRow {
  id: bigint;
  kind: NoticeKind;
  worker: string | null;
  open: boolean;
  at: Instant;
  since: Instant;
  until: Instant | null;
  title: string;
  text: string;
  affected: string;
  todo: string | null;
  page: string | null;
}

const columns = sql`n.id, n.kind, n.worker, n.open, n.at, n.since, n.until, n.title, n.text,
  n.affected, n.todo, n.page`;

function decode(row: NoticeRow): Notice {
  return {
    ...row,
    id: row.id as NoticeId,
    worker: (row.worker ?? undefined) as WorkerId | undefined,
    until: row.until ?? undefined,
    todo: row.todo ?? undefined,
    page: row.page ?? undefined,
  };
}

/** A page of a list, the newest first. */
export interface NoticePage {
  readonly before: bigint | undefined;
  readonly limit: number;
}

/** Notices by number, oldest first. */
export async function noticesById(
  from: Queryable,
  ids: readonly bigint[],
): Promise<readonly Notice[]> {
  const { rows } = await from.query<NoticeRow>(sql`
    select ${columns} from notice n where id = any(${ids.map(String)}::bigint[]) order by id`);
  return rows.map(decode);
}

/** What everybody may read. */
export async function openNotices(
  from: Queryable,
  { before, limit }: NoticePage,
): Promise<readonly Notice[]> {
  const { rows } = await from.query<NoticeRow>(sql`
    select ${columns} from notice n
    where open and (${before ?? null}::bigint is null or id < ${before ?? null}::bigint)
    order by id desc limit ${limit}`);
  return rows.map(decode);
}

/** What the owners of these workers were told, and what everybody was. */
export async function noticesOfWorkers(
  from: Queryable,
  workers: readonly WorkerId[],
  { before, limit }: NoticePage,
): Promise<readonly Notice[]> {
  const kindsTo = (to: string) =>
    (Object.keys(noticeKinds) as NoticeKind[]).filter((kind) => noticeKinds[kind].to === to);
  const [forAll, forOperators] = [kindsTo('everybody'), kindsTo('operators')];
  const { rows } = await from.query<NoticeRow>(sql`
    select ${columns} from notice n
    where kind <> all(${forOperators}::text[]) and (worker = any(${[...workers]}::text[])
        or (worker is null and kind = any(${forAll}::text[])))
      and (${before ?? null}::bigint is null or id < ${before ?? null}::bigint)
    order by id desc limit ${limit}`);
  return rows.map(decode);
}

/** All of them; of one worker or kind, if given. */
export async function allNotices(
  from: Queryable,
  filter: { readonly worker?: string | undefined; readonly kind?: string | undefined },
  { before, limit }: NoticePage,
): Promise<readonly Notice[]> {
  const { worker, kind } = filter;
  const { rows } = await from.query<NoticeRow>(sql`
    select ${columns} from notice n
    where (${worker ?? null}::text is null or worker = ${worker ?? null})
      and (${kind ?? null}::text is null or kind = ${kind ?? null})
      and (${before ?? null}::bigint is null or id < ${before ?? null}::bigint)
    order by id desc limit ${limit}`);
  return rows.map(decode);
}
