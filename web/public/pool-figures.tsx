import type { PoolView } from '../../src/api/pool-view.ts';
import { showCount, showMs, showSpan } from '../../src/base/figures.ts';
import { uptimeOf } from '../../src/base/uptime.ts';
import { Amounts } from '../parts/amount.tsx';
import { type Figure, Figures } from '../parts/figures.tsx';
import { Time } from '../parts/time.tsx';
import type { HistoryStep } from './api-views.ts';
import { uptimeText } from './history.ts';
import type { PublicPool } from './pool.ts';

/** What changes within minutes: the live values have it, too. */
export interface LivePool {
  readonly now: Pick<PoolView['now'], 'addedLatencyMs'>;
  readonly totals: Pick<PoolView['totals'], 'segments'>;
  readonly payouts: Pick<PoolView['payouts'], 'count' | 'late' | 'nextAt'>;
  readonly solvency: PoolView['solvency'];
  readonly epoch: Pick<PoolView['epoch'], 'number'>;
}

/** What the figures of the first page are made from. */
export interface PoolFiguresView {
  readonly pool: LivePool;
  /** Of 30 days, as they were when the page was made. */
  readonly past: {
    readonly share: number | null;
    readonly measuredMs: number;
    readonly jobs: number;
    readonly failed: number;
    readonly retried: number;
    readonly epochs: number;
  };
}

export function figuresOf(
  { pool, index }: PublicPool,
  days: readonly HistoryStep[],
): PoolFiguresView {
  const { share, measuredMs } = uptimeOf(days);
  const sum = (of: 'jobs' | 'failed' | 'retried') => days.reduce((all, day) => all + day[of], 0);
  return {
    pool: livePartOf(pool),
    past: {
      ...{ share: share ?? null, measuredMs },
      ...{ jobs: sum('jobs'), failed: sum('failed'), retried: sum('retried') },
      epochs: index?.epochs.length ?? 0,
    },
  };
}

/** No more than that travels with the page. */
export function livePartOf({ now, totals, payouts, solvency, epoch }: LivePool): LivePool {
  const { count, late, nextAt } = payouts;
  return {
    now: { addedLatencyMs: now.addedLatencyMs },
    totals: { segments: totals.segments },
    payouts: { count, late, nextAt },
    solvency,
    epoch: { number: epoch.number },
  };
}

/** How the pool performs and pays, in six figures; rendered again with every live value. */
export function PoolFigures({ of: { pool, past } }: { readonly of: PoolFiguresView }) {
  const { now, totals, payouts, solvency, epoch } = pool;
  const figures: readonly Figure[] = [
    {
      label: 'Uptime, 30 days',
      value:
        past.share === null ? (
          'not measured yet'
        ) : (
          <a href="/incidents">{uptimeText(past.share)}</a>
        ),
      note: past.share === null ? undefined : `of ${showSpan(past.measuredMs)} measured`,
    },
    {
      label: 'Added latency, p50',
      value: now.addedLatencyMs ? showMs(now.addedLatencyMs.p50) : 'not measured yet',
      note: now.addedLatencyMs
        ? `p99 ${showMs(now.addedLatencyMs.p99)}`
        : 'no segment since the start',
    },
    {
      label: 'Segments, 30 days',
      value: <a href="/incidents#charts">{showCount(past.jobs)}</a>,
      note:
        past.jobs === 0 && totals.segments > 0
          ? 'counted once a minute'
          : `failed ${showCount(past.failed)}, retried ${showCount(past.retried)}`,
    },
    {
      label: 'Payouts',
      value: payouts.count === 0 ? 'none yet' : <a href="/payouts">{showCount(payouts.count)}</a>,
      note: payoutsNote(payouts),
    },
    {
      label: 'Owed to workers',
      value: <Amounts of={solvency.owed} none="nothing" href="/epochs" />,
      note:
        solvency.held === null ? (
          'off chain, nothing is held'
        ) : (
          <>
            held <Amounts of={solvency.held} none="nothing" />
          </>
        ),
    },
    {
      label: 'Epochs published',
      value: <a href="/epochs">{showCount(past.epochs)}</a>,
      note: `epoch ${epoch.number} is open`,
    },
  ];
  return <Figures of={figures} />;
}

function payoutsNote({ count, late, nextAt }: LivePool['payouts']): Figure['note'] {
  if (count > 0) return late === 0 ? 'none late' : `${showCount(late)} late`;
  if (nextAt === null) return undefined;
  return (
    <>
      {/* Another moment is another element: the one before was written in the reader's zone. */}
      first due <Time key={nextAt} at={nextAt} detail="date" />
    </>
  );
}
