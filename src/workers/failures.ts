import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { JobId, WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import { type Reason, reasonAdvice } from '../verify/reasons.ts';

/** One attempt that came to nothing. */
export interface LastFailure {
  readonly at: Instant;
  readonly job: JobId;
  readonly what: string;
  readonly text: string;
  readonly step: string;
}

/** Failures that are shown one by one. */
const LAST_MAX = 50;

/** The last attempts of a worker that came to nothing, the newest first. */
export async function lastFailures(
  from: Queryable,
  worker: WorkerId,
): Promise<readonly LastFailure[]> {
  const { rows } = await from.query<{ at: Instant; job: string; what: string }>(sql`
    select at, job, verdict || ':' || reason as what from contribution
    where worker = ${worker} and verdict not in ('credited', 'superseded')
    order by at desc limit ${LAST_MAX}`);
  return rows.map((row) => ({ ...row, job: row.job as JobId, ...wordsOf(row.what) }));
}

/** Attempts that came to nothing for one reason, in words. */
export interface FailureView {
  /** `verdict:reason`, as it is counted. */
  readonly what: string;
  readonly count: number;
  readonly text: string;
  /** What to do about it. */
  readonly step: string;
}

interface Words {
  readonly text: string;
  readonly step: string;
}

const byVerdict: Readonly<Record<string, Words>> = {
  lost: {
    text: 'The connection ended while the job was under way.',
    step: 'Look at the network of the machine, and whether the program crashed: its log says so.',
  },
  late: {
    text: 'The answer took too long, and another worker was asked.',
    step: 'Take fewer sessions at once, or look at what else uses the device or the network.',
  },
  errored: {
    text: 'The worker answered with an error.',
    step: 'Look at the log of the worker at that time; drivers and full devices are the usual cause.',
  },
  rejected: {
    text: 'The pool looked into the result and refused it.',
    step: 'Update driver and worker; if it goes on, take the device out: refused results cost most.',
  },
};

const byReason: Readonly<Record<string, Words>> = {
  'lost:send_failed': {
    text: 'The task could not be handed over: the connection was dead.',
    step: 'Look at routers and firewalls between the machine and the pool that drop quiet connections.',
  },
  'errored:bad_input': {
    text: 'The worker called the video unreadable, and another one could read it.',
    step: 'Update driver and worker: this device cannot read all that gateways send.',
  },
};

const unknown: Words = {
  text: 'The attempt came to nothing.',
  step: 'Look at the log of the worker at that time.',
};

/** Failures by reason in plain words, the most frequent first. */
export function failureViews(failures: Readonly<Record<string, number>>): readonly FailureView[] {
  return Object.entries(failures)
    .map(([what, count]) => ({ what, count, ...wordsOf(what) }))
    .sort((a, b) => b.count - a.count);
}

function wordsOf(what: string): Words {
  const [verdict = '', reason = ''] = what.split(':');
  const general = byReason[what] ?? byVerdict[verdict] ?? unknown;
  if (verdict !== 'rejected' || !Object.hasOwn(reasonAdvice, reason)) return general;
  return {
    text: `${general.text.slice(0, -1)}: ${reason.replaceAll('_', ' ')}.`,
    step: reasonAdvice[reason as Reason],
  };
}
