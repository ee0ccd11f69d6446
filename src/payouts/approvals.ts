import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { type Clock, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { base32 } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { tokenHash } from './address.ts';
import {
  type Approver,
  addApprover,
  approvalsOf,
  approverOf,
  approvers,
  planOf,
  removeApprover,
  storeApproval,
} from './plans-store.ts';

/** A new approver counts after this, so that nobody who reaches the pool for an hour makes two. */
export const APPROVER_DELAY_MS = 48 * 3_600_000;
/** How many approve what is above an amount. */
export const APPROVALS_NEEDED = 2;
/** 256 random bits. */
const TOKEN_BYTES = 32;

/** Who may say that a plan goes out. */
export interface Approvals {
  /**
   * Says yes to a plan with a person's own token. Throws `payout_approver_unknown`, also for a token
   * that does not count yet, `payout_plan_unknown`.
   */
  approve(digest: string, token: string): Promise<{ readonly by: readonly string[] }>;
  /** Makes a token, which is in this answer and nowhere else. */
  addApprover(name: string): Promise<{ readonly token: string; readonly approver: Approver }>;
  removeApprover(name: string): Promise<void>;
  approvers(): Promise<readonly Approver[]>;
}

/** Plans and tokens in the tables of the database. */
export function createApprovals(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}): Approvals & {
  countOf(from: Queryable, digest: string): Promise<number>;
  /** Who approved a plan, of those who still may. */
  by(digest: string): Promise<readonly string[]>;
  /** Plans shown since then, not run, and approved by as many as it takes. */
  waiting(sinceMs: number): Promise<readonly string[]>;
} {
  const { database, clock, log } = parts;
  return {
    async approve(digest, token) {
      const at = clock.now();
      const approver = await approverOf(database, tokenHash(token), at);
      if (approver === undefined) {
        throw new TributaryError(
          'payout_approver_unknown',
          'Nobody has this token, or it does not count yet.',
        );
      }
      const plan = await planOf(database, digest);
      if (!plan) throw new TributaryError('payout_plan_unknown', 'No such plan was shown.');
      if (plan.runAt !== undefined) {
        throw new TributaryError('payout_plan_run', 'This plan was run already.');
      }
      await storeApproval(database, { digest, approver, at });
      log.info('payout_plan_approved', { name: approver });
      return { by: await approvalsOf(database, digest) };
    },
    async addApprover(name) {
      if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
        throw new TributaryError('payout_choice_refused', 'This cannot be a name.');
      }
      const at = clock.now();
      const token = base32(randomBytes(TOKEN_BYTES));
      const approver = await database.transact(async (tx) => {
        await tx.query(sql`lock table payout_approver in share row exclusive mode`);
        const { rows } = await tx.query<{ count: bigint }>(
          sql`select count(*) as count from payout_approver`,
        );
        // The first two make the pool's rule of two; from then on a change can be noticed in time.
        const delay = (rows[0]?.count ?? 0n) < BigInt(APPROVALS_NEEDED) ? 0 : APPROVER_DELAY_MS;
        const made = { name, addedAt: at, countsFrom: instant(at + delay) };
        const added = await addApprover(tx, { ...made, tokenHash: tokenHash(token) });
        if (!added) {
          throw new TributaryError('payout_choice_refused', 'There is or was one of this name.');
        }
        return made;
      });
      log.warn('payout_approver_added', { name });
      return { token, approver };
    },
    async removeApprover(name) {
      const removed = await database.transact((tx) => removeApprover(tx, name, clock.now()));
      if (!removed)
        throw new TributaryError(
          'payout_choice_refused',
          `Nobody of the name ${name} may approve.`,
        );
      log.warn('payout_approver_removed', { name });
    },
    approvers: () => approvers(database),
    by: (digest) => approvalsOf(database, digest),
    countOf: async (from, digest) => (await approvalsOf(from, digest)).length,
    async waiting(sinceMs) {
      const { rows } = await database.query<{ digest: string }>(sql`
        select encode(p.digest, 'hex') as digest from payout_plan p
        where run_at is null and previewed_at >= ${new Date(sinceMs)}
          and (select count(*) from payout_approval a join payout_approver who on who.name = a.approver
               where a.digest = p.digest and who.removed_at is null) >= ${APPROVALS_NEEDED}
        order by previewed_at`);
      return rows.map(({ digest }) => digest);
    },
  };
}
