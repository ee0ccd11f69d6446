import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { type NoticeKind, noticeKinds } from './kinds.ts';
import type { Notice, NoticeId, NoticeWords } from './notice.ts';

/** A notice that has no number yet. */
export type NewNotice = NoticeWords & {
  readonly worker: WorkerId | undefined;
  readonly open: boolean;
  readonly at: Instant;
};

/** Keeps notices, for the history of their owners and the public feed; in the order given. */
export async function addNotices(
  tx: Transaction,
  given: readonly NewNotice[],
): Promise<readonly Notice[]> {
  if (given.length === 0) return [];
  // Numbers are taken first, so that each notice is known by its own whatever order rows come in.
  const { rows: numbers } = await tx.query<{ id: bigint }>(sql`
    select nextval(pg_get_serial_sequence('notice', 'id')) as id
    from generate_series(1, ${given.length}::integer)`);
  const notices = given.map((notice, i) => ({ ...notice, id: numbers[i]?.id as NoticeId }));
  await tx.query(sql`
    insert into notice (id, kind, worker, open, at, since, until, title, text, affected, todo, page)
    overriding system value
    select id, kind, worker, open, 'epoch'::timestamptz + at * interval '1 millisecond',
      'epoch'::timestamptz + since * interval '1 millisecond',
      'epoch'::timestamptz + until * interval '1 millisecond',
      left(title, 200), left(text, 4000), left(affected, 1000), left(todo, 1000), page
    from unnest(
      ${notices.map(({ id }) => String(id))}::bigint[],
      ${notices.map(({ kind }) => kind)}::text[],
      ${notices.map(({ worker }) => worker ?? null)}::text[],
      ${notices.map(({ open }) => open)}::boolean[],
      ${notices.map(({ at }) => at)}::double precision[],
      ${notices.map(({ since }) => since)}::double precision[],
      ${notices.map(({ until }) => until ?? null)}::double precision[],
      ${notices.map(({ title }) => title)}::text[],
      ${notices.map(({ text }) => text)}::text[],
      ${notices.map(({ affected }) => affected)}::text[],
      ${notices.map(({ todo }) => todo ?? null)}::text[],
      ${notices.map(({ page }) => page ?? null)}::text[]
    ) as told (id, kind, worker, open, at, since, until, title, text, affected, todo, page)`);
  return notices;
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
  const earlier = sql`(${before ?? null}::bigint is null or id < ${before ?? null}::bigint)`;
  // Two short ways along an index: one over all notices would pass those of all other workers.
  const { rows } = await from.query<NoticeRow>(sql`
    select ${columns} from (
      (select * from notice
        where worker = any(${[...workers]}::text[]) and kind <> all(${forOperators}::text[])
          and ${earlier}
        order by id desc limit ${limit})
      union all
      (select * from notice
        where worker is null and kind = any(${forAll}::text[]) and ${earlier}
        order by id desc limit ${limit})
    ) n
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
