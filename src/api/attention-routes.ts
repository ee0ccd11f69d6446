import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { ChainStatus } from '../duties/action-types.ts';
import type { Dispute } from '../ledger/dispute.ts';
import type { Disputes } from '../ledger/disputes.ts';
import { countDeliveries } from '../notices/deliveries-store.ts';
import type { Notices } from '../notices/notices.ts';
import type { Payouts } from '../payouts/payouts.ts';
import type { AssetFigures } from '../payouts/solvency.ts';
import { BOOKS_ALARM, type BooksWatch, type StandingDifference } from '../payouts/watch.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { recentWork } from '../workers/fleet-store.ts';
import type { Worker } from '../workers/worker.ts';
import type { Workers } from '../workers/workers.ts';
import { amountsNow } from './asset-amounts.ts';
import { sendPhrase } from './consequence.ts';
import { kept } from './kept.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { moment } from './shapes.ts';
import { statusOf } from './workers-routes.ts';

/** The chain is asked for alarms, so not by each reader anew. */
const FRESH_MS = 5_000;

/** What has to be looked at is found in these. */
export interface AttentionParts {
  readonly database: Queryable;
  readonly clock: Clock;
  readonly workers: Pick<Workers, 'list'>;
  readonly dispatch: Pick<Dispatch, 'worker'>;
  readonly disputes: Pick<Disputes, 'list'>;
  readonly payouts: Pick<Payouts, 'plansNotRun' | 'pauses' | 'waitingChanges' | 'inDoubt'>;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
  solvency(): Promise<{ readonly assets: readonly AssetFigures[] }>;
  readonly watch: Pick<BooksWatch, 'differences'>;
  readonly notices: Pick<Notices, 'alarms'>;
  /** Undefined: the pool works off chain. */
  readonly chain: { status(): Promise<ChainStatus> } | undefined;
}

const kinds = [
  ...(['alarm', 'quarantine', 'dispute', 'plan', 'payout', 'pause'] as const),
  ...(['address', 'solvency', 'books', 'notice'] as const),
] as const;
const item = z.object({
  kind: z.enum(kinds),
  /** What it is about, such as the name of a worker. */
  about: z.string(),
  tone: z.enum(['wrong', 'attention']).describe('Wrong: money or work is lost meanwhile.'),
  text: z.string(),
  advice: z.string().describe('What to do.'),
  page: z.string().describe('Where in the console it is done.'),
  since: moment.nullable(),
});
type Item = z.input<typeof item>;

export const attentionApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/operator/attention',
    access: 'viewer',
    summary: 'What needs a person now, the worst first; empty: nothing does.',
    reply: z.object({ items: z.array(item) }),
  }),
} as const;

/** `/api/v1/operator/attention`: is anything wrong, and what must I do? */
export function attentionRoutes(parts: AttentionParts): readonly Route[] {
  const now = kept(FRESH_MS, parts.clock, async () => {
    const found = await Promise.all([
      alarms(parts),
      insolvency(parts),
      payoutsInDoubt(parts),
      openDisputes(parts),
      plans(parts),
      badWorkers(parts),
      waiting(parts),
      deadLetters(parts),
    ]);
    return found.flat().toSorted((a, b) => rank(a) - rank(b));
  });
  return [serve(attentionApi.list, async () => ({ items: await now() }))];
}

function rank({ tone }: Item): number {
  return tone === 'wrong' ? 0 : 1;
}

/** All that letters tell of as an alarm, and each difference of the books that this node sees. */
async function alarms({ chain, notices, watch }: AttentionParts): Promise<Item[]> {
  const isSeen = !chain || (await chain.status().then(Boolean, () => false));
  const books = watch.differences();
  // This node knows more of them than the alarm says.
  const isTold = (kind: string) => kind === BOOKS_ALARM && books.length > 0;
  const standing = (await notices.alarms()).filter(({ kind }) => !isTold(kind));
  const found = standing.map(({ kind, since, text, advice }): Item => {
    const [of, page] = placeOf(kind);
    return { kind: of, about: kind, tone: 'wrong', text, advice, page, since };
  });
  // Until it was looked at, nobody has seen the chain: that is what the reader has to know.
  if (!isSeen && !standing.some(({ kind }) => kind === 'chain_unseen')) found.push(UNSEEN);
  return [...found, ...books.map(differenceItem)];
}

const UNSEEN: Item = {
  ...{ kind: 'alarm', about: 'chain', tone: 'wrong', page: '/operator/chain', since: null },
  text: 'The chain was not seen yet.',
  advice: 'Check that a provider of --eth-url answers.',
};

/** Alarms that are not of the chain, by what their name begins with, and where each is seen to. */
function placeOf(alarm: string): readonly ['alarm' | 'books', string] {
  if (alarm === 'notices_key_unusable') return ['alarm', '/operator/notices'];
  if (alarm === 'workers_left_together') return ['alarm', '/operator/workers'];
  if (alarm === BOOKS_ALARM) return ['books', BOOKS_PAGE];
  return ['alarm', '/operator/chain'];
}
const BOOKS_PAGE = '/operator/solvency?compare';

function differenceItem({ about, text, since }: StandingDifference): Item {
  return {
    ...{ kind: 'books', about, tone: 'wrong', since },
    text: `The books do not agree: ${text}.`,
    advice: 'See the lines that cause it, and book it once you know why.',
    page: BOOKS_PAGE,
  };
}

async function insolvency(parts: AttentionParts): Promise<Item[]> {
  const { assets } = await parts.solvency();
  return assets
    .filter(({ solvent }) => !solvent)
    .map(({ asset }) => ({
      ...{ kind: 'solvency', about: asset, tone: 'wrong', since: null },
      text: `The pool owes more ${asset} than it has on hand.`,
      advice: 'See what is still to be redeemed, or bring money in and book it.',
      page: '/operator/solvency',
    }));
}

async function payoutsInDoubt({ payouts }: AttentionParts): Promise<Item[]> {
  const { count, oldest } = await payouts.inDoubt();
  const shown = oldest.slice(0, IN_DOUBT_SHOWN);
  const rest = count - shown.length;
  const words = { kind: 'payout', tone: 'wrong', advice: DOUBT_ADVICE } as const;
  const items = shown.map(
    ({ id, worker, createdAt }): Item => ({
      ...{ ...words, about: worker, since: createdAt },
      text: 'A payout is on chain, and no proof shows whether it moved.',
      page: `/operator/payouts#payout-${id}`,
    }),
  );
  if (rest === 0) return items;
  const text = `Of ${rest} more no proof shows whether they moved.`;
  return [
    ...items,
    { ...words, about: `${rest}`, text, page: '/operator/payouts#doubt', since: null },
  ];
}
/** As many as can be seen to in an hour; the rest is counted. */
const IN_DOUBT_SHOWN = 20;
const DOUBT_ADVICE = 'Look at its transaction, and say what happened.';

async function openDisputes({ disputes, workers }: AttentionParts): Promise<Item[]> {
  const found = await disputes.list({ by: 'operator' });
  const open = found.filter(({ state }) => state === 'open' || state === 'answered');
  if (open.length === 0) return [];
  const names = new Map((await workers.list()).map(({ id, name }) => [id as string, name]));
  return open.map((one) => disputeItem(one, names.get(one.worker) ?? one.worker));
}

function disputeItem({ id, subject, state, isOverdue, openedAt }: Dispute, worker: string): Item {
  const what = state === 'open' ? 'waits for your answer' : 'waits for your decision';
  return {
    ...{ kind: 'dispute', about: worker, since: openedAt },
    tone: isOverdue ? 'wrong' : 'attention',
    text: `A dispute of ${worker} about epoch ${subject.epoch} ${what}${isOverdue ? ', and is late' : ''}.`,
    advice: isOverdue
      ? 'The time that the terms promise has passed: see to it now.'
      : 'Answer in time: the terms promise when.',
    page: `/operator/disputes/${id}`,
  };
}

async function plans({ payouts, terms }: AttentionParts): Promise<Item[]> {
  const found = await payouts.plansNotRun();
  const lacking = found.filter(
    ({ approvalsNeeded, approvedBy }) => approvalsNeeded > approvedBy.length,
  );
  if (lacking.length === 0) return [];
  const { amountOf } = await amountsNow(terms);
  return lacking.map(({ digest, plan, approvalsNeeded, approvedBy }) => ({
    ...{ kind: 'plan', about: digest.slice(0, 12), tone: 'attention', since: plan.at },
    text: `A plan to ${sendPhrase(plan.batches, amountOf) ?? 'send nothing'} has ${approvedBy.length} of ${approvalsNeeded} approvals.`,
    advice: 'Read it, and approve it with your own token, or let it lapse after 24 hours.',
    page: `/operator/payouts/plans/${digest}`,
  }));
}

async function badWorkers(parts: AttentionParts): Promise<Item[]> {
  const { workers, dispatch, database, clock } = parts;
  const recent = await recentWork(database, clock.now() - HOUR_MS);
  const failing = new Map(
    recent
      .filter(
        ({ jobs, failed }) => failed >= FAILED_MIN && failed / (jobs + failed) >= FAILED_SHARE,
      )
      .map((one) => [one.worker, one]),
  );
  return (await workers.list()).flatMap((worker: Worker): Item[] => {
    const live = dispatch.worker(worker.id);
    const isAway = (live?.connections.length ?? 0) === 0 || worker.state !== 'active';
    const bad = failing.get(worker.id);
    if (!live || isAway || (live.health === 'healthy' && !bad)) return [];
    if (live.health === 'healthy' && bad) {
      const { jobs, failed } = bad;
      return [
        {
          ...{ kind: 'quarantine', about: worker.name, tone: 'attention', since: null },
          text: `Worker ${worker.name} failed ${failed} of ${jobs + failed} attempts in the last hour.`,
          advice: 'See why; pause it if it goes on. Gateways are served by others meanwhile.',
          page: `/operator/workers/${worker.id}`,
        },
      ];
    }
    return [
      {
        ...{ kind: 'quarantine', about: worker.name, tone: 'attention', since: null },
        text: `Worker ${worker.name}: ${lowered(statusOf(worker, live))}.`,
        advice: 'It is tried again by itself. See its failures; pause it if it goes on.',
        page: `/operator/workers/${worker.id}`,
      },
    ];
  });
}

/** Fewer may be chance; the quarantine takes those that fail in a row. */
const FAILED_MIN = 3;
const FAILED_SHARE = 0.1;
const HOUR_MS = 3_600_000;

async function waiting({ payouts }: AttentionParts): Promise<Item[]> {
  const [pauses, changes] = await Promise.all([payouts.pauses(), payouts.waitingChanges()]);
  return [
    // That there is too little is said above, and nobody can resume it.
    ...pauses
      .filter(({ reason }) => reason !== 'insolvent')
      .map(
        ({ asset, since }): Item => ({
          ...{ kind: 'pause', about: asset ?? 'all', tone: 'attention', since },
          text: `Payouts ${asset === undefined ? '' : `of ${asset} `}are paused.`,
          advice: 'Resume them when the reason is gone: workers see that they wait.',
          page: '/operator/payouts#pauses',
        }),
      ),
    ...changes.map(
      ({ worker, askedAt }): Item => ({
        ...{ kind: 'address', about: worker, tone: 'attention', since: askedAt },
        text: `Worker ${worker} asked to be paid at another address.`,
        advice: 'If it was not the worker who asked, stop it before it takes effect.',
        page: '/operator/payouts#addresses',
      }),
    ),
  ];
}

async function deadLetters({ database }: AttentionParts): Promise<Item[]> {
  const { dead } = await countDeliveries(database);
  if (dead === 0) return [];
  const what = dead === 1 ? 'notice was' : 'notices were';
  return [
    {
      ...{ kind: 'notice', about: `${dead}`, tone: 'attention', since: null },
      text: `${dead} ${what} never delivered.`,
      advice: 'See why, and send them again once the channel works.',
      page: '/operator/notices',
    },
  ];
}

function lowered(text: string): string {
  return `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`;
}
