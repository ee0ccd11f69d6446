import sql from 'sql-template-tag';
import { type Instant, instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { bytes, time } from './store.ts';

/** A plan that was shown. */
export interface StoredPlan {
  readonly digest: string;
  readonly text: string;
  readonly previewedAt: Instant;
  readonly runAt: Instant | undefined;
}

/** Keeps a plan so that it can be run as it was shown. */
export async function storePlan(
  from: Queryable,
  plan: {
    readonly digest: string;
    readonly text: string;
    readonly at: Instant;
    /** For one worker who asked: no turn of the schedule. */
    readonly forOne: boolean;
    /** Workers whose turn it is, and who wait for what passes by itself. */
    readonly waiting: readonly string[];
    /** The worker who asked for it itself. */
    readonly askedBy?: string;
  },
): Promise<void> {
  await from.query(sql`
    insert into payout_plan (digest, plan, previewed_at, for_one, waiting, asked_by)
    values (${bytes(plan.digest)}, ${plan.text}, ${time(plan.at)}, ${plan.forOne},
      ${plan.waiting}::text[], ${plan.askedBy ?? null})
    on conflict (digest) do nothing`);
}

/** A plan by its digest; `lock` keeps it for this transaction. What is no digest has no plan. */
export async function planOf(
  from: Queryable,
  digest: string,
  lock: 'lock' | 'look' = 'look',
): Promise<StoredPlan | undefined> {
  if (!/^[0-9a-f]{64}$/.test(digest)) return undefined;
  const { rows } = await from.query<{
    plan: string;
    previewed_at: Instant;
    run_at: Instant | null;
  }>(
    lock === 'lock'
      ? sql`select plan, previewed_at, run_at from payout_plan where digest = ${bytes(digest)} for update`
      : sql`select plan, previewed_at, run_at from payout_plan where digest = ${bytes(digest)}`,
  );
  const [row] = rows;
  if (!row) return undefined;
  return {
    digest,
    text: row.plan,
    previewedAt: instant(row.previewed_at),
    runAt: row.run_at === null ? undefined : instant(row.run_at),
  };
}

/** Plans that were shown since then and not run, the last first. */
export async function plansNotRun(
  from: Queryable,
  sinceMs: number,
): Promise<readonly { readonly digest: string; readonly text: string }[]> {
  const { rows } = await from.query<{ digest: string; text: string }>(sql`
    select encode(digest, 'hex') as digest, plan as text from payout_plan
    where run_at is null and previewed_at >= ${new Date(sinceMs)}
    order by previewed_at desc limit ${PLANS_MAX}`);
  return rows;
}
/** Nobody reads more of them. */
const PLANS_MAX = 20;

/** Plans that a worker asked for since then and that were not run, the last first. */
export async function askedPlans(
  from: Queryable,
  worker: string,
  sinceMs: number,
): Promise<readonly { readonly digest: string; readonly text: string }[]> {
  const { rows } = await from.query<{ digest: string; text: string }>(sql`
    select encode(digest, 'hex') as digest, plan as text from payout_plan
    where asked_by = ${worker} and run_at is null and previewed_at >= ${new Date(sinceMs)}
    order by previewed_at desc limit 1`);
  return rows;
}

/** Notes that a plan is being run; it is run once. */
export async function storeRun(
  tx: Transaction,
  run: { readonly digest: string; readonly at: Instant; readonly by: string | undefined },
): Promise<void> {
  await tx.query(sql`
    update payout_plan set run_at = ${time(run.at)}, run_by = ${run.by ?? null}
    where digest = ${bytes(run.digest)} and run_at is null`);
}

/** A run for all whose turn it was. */
export interface LastTurn {
  readonly at: Instant;
  /** Who was left waiting. */
  readonly waiting: readonly string[];
}

/** The last run that was not for one worker alone; undefined: there was none. */
export async function lastTurn(from: Queryable): Promise<LastTurn | undefined> {
  const { rows } = await from.query<{ at: Instant; waiting: string[] }>(sql`
    select run_at as at, waiting from payout_plan where run_at is not null and not for_one
    order by run_at desc limit 1`);
  const [row] = rows;
  return row && { at: instant(row.at), waiting: row.waiting };
}

/** Somebody who may approve. */
export interface Approver {
  readonly name: string;
  readonly addedAt: Instant;
  readonly countsFrom: Instant;
}

/** Who may approve now or soon. */
export async function approvers(from: Queryable): Promise<readonly Approver[]> {
  const { rows } = await from.query<{ name: string; added_at: Instant; counts_from: Instant }>(sql`
    select name, added_at, counts_from from payout_approver where removed_at is null order by name`);
  return rows.map((row) => ({
    name: row.name,
    addedAt: instant(row.added_at),
    countsFrom: instant(row.counts_from),
  }));
}

/** Adds one by the hash of a token; false: there was one of that name. */
export async function addApprover(
  tx: Transaction,
  approver: Approver & { readonly tokenHash: string },
): Promise<boolean> {
  const { count } = await tx.query(sql`
    insert into payout_approver (name, token_hash, added_at, counts_from)
    values (${approver.name}, ${bytes(approver.tokenHash)}, ${time(approver.addedAt)},
      ${time(approver.countsFrom)})
    on conflict (name) do nothing`);
  return count > 0;
}

/** Takes one away for good; a name is not used again. */
export async function removeApprover(tx: Transaction, name: string, at: Instant): Promise<boolean> {
  const { count } = await tx.query(sql`
    update payout_approver set removed_at = ${time(at)} where name = ${name} and removed_at is null`);
  return count > 0;
}

/** Whose token it is, if it counts at that time. */
export async function approverOf(
  from: Queryable,
  tokenHash: string,
  at: Instant,
): Promise<string | undefined> {
  const { rows } = await from.query<{ name: string }>(sql`
    select name from payout_approver
    where token_hash = ${bytes(tokenHash)} and removed_at is null and counts_from <= ${time(at)}`);
  return rows[0]?.name;
}

/** Notes an approval; a second one of the same person is the same. */
export async function storeApproval(
  from: Queryable,
  approval: { readonly digest: string; readonly approver: string; readonly at: Instant },
): Promise<void> {
  await from.query(sql`
    insert into payout_approval (digest, approver, at)
    values (${bytes(approval.digest)}, ${approval.approver}, ${time(approval.at)})
    on conflict do nothing`);
}

/** Who approved a plan, of those who still may. */
export async function approvalsOf(from: Queryable, digest: string): Promise<readonly string[]> {
  const { rows } = await from.query<{ approver: string }>(sql`
    select a.approver from payout_approval a join payout_approver p on p.name = a.approver
    where a.digest = ${bytes(digest)} and p.removed_at is null order by a.at`);
  return rows.map(({ approver }) => approver);
}
