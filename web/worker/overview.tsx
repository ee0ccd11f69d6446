import { showCount, showCounted } from '../../src/base/figures.ts';
import { Amounts } from '../parts/amount.tsx';
import { Chart } from '../parts/chart.tsx';
import { type Figure, Figures } from '../parts/figures.tsx';
import { Island } from '../parts/island.tsx';
import { StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time, utcText } from '../parts/time.tsx';
import { loadTerms } from '../public/pool.ts';
import type { Choices, Earnings, OwnWorker, Progress, WorkStep } from './api-views.ts';
import { Earned, earnedLabel } from './earned.tsx';
import { type NextPayout, nextPayout } from './next-payout.ts';
import { overviewText, sessionsText, standingOf } from './standing.ts';
import { sum } from './sums.ts';
import { earnedCharts, hoursOf, workCharts } from './work-charts.ts';
import { workerPage } from './worker-page.tsx';

/** Machines whose hours are added up: an owner of more looks at each. */
const ADDED_MAX = 24;

/** `/worker`: is it working, what have I earned, when am I paid? */
export const overviewPage = workerPage('/worker', async (parts) => {
  const { reader, pool, workers, worker, request } = parts;
  const ids = workers.slice(0, ADDED_MAX).map(({ id }) => id);
  const [progress, earnings, choices, terms, ...work] = await Promise.all([
    reader.json<Progress>('/api/v1/me/progress'),
    reader.json<Earnings>('/api/v1/me/earnings?limit=1'),
    reader.json<Choices>(`/api/v1/me/choices?worker=${worker.id}`),
    loadTerms(reader, pool.terms.current),
    ...ids.map((id) => reader.json<WorkStep[]>(`/api/v1/me/work?hours=24&worker=${id}`)),
  ]);
  const steps = work.flatMap((one) => one ?? []);
  const hours = hoursOf(steps, { now: request.now, hours: 24 });
  return {
    title: 'Overview',
    current: '/worker',
    content: (
      <>
        <Island name="worker-live" props={{}}>
          <h1 class="visually-hidden">Overview</h1>
          <p class="lead" data-live="lead">
            {overviewText(workers, (iso) => utcText(new Date(iso), 'clock'))}
          </p>
          <Figures
            of={[
              ...(progress ? [earnedFigure(progress)] : []),
              payoutFigure(
                nextPayout({ pool, terms, choices, owed: owedIn(earnings) }),
                workers.length > 1,
              ),
              {
                label: 'Paid so far',
                value: (
                  <Amounts
                    of={sum(earnings?.totals.flatMap(({ paid }) => paid) ?? [])}
                    href="/worker/payouts"
                  />
                ),
              },
            ]}
          />
          <section aria-labelledby="machines">
            <h2 id="machines">Machines</h2>
            <Machines of={workers} progress={progress} />
          </section>
        </Island>
        <section aria-labelledby="day">
          <h2 id="day">Last 24 hours</h2>
          <DayText
            steps={steps}
            hrefOf={failuresAt(workers)}
            hasWorked={progress?.workers.some(({ jobs }) => jobs > 0) ?? false}
          />
          {earnedCharts(hours).map((view) => (
            <Chart key={view.series[0]?.name} view={view} />
          ))}
          <Chart view={workCharts(hours).jobs} />
        </section>
      </>
    ),
  };
});

function failuresAt(workers: readonly OwnWorker[]): string {
  return workers.length === 1 ? `/worker/machines/${workers[0]?.id}#failures` : '#machines';
}

function owedIn(earnings: Earnings | undefined) {
  return sum(earnings?.totals.flatMap(({ owed }) => owed) ?? []);
}

function earnedFigure({ epoch, workers }: Progress): Figure {
  const work = workedOf(workers);
  const hasAmount = work.some(({ earned }) => earned !== null && earned.amount !== '0');
  return {
    label: <span data-live="epoch">{earnedLabel(epoch)}</span>,
    value: (
      <span data-live="earned">
        <Earned of={work} />
      </span>
    ),
    note:
      !hasAmount && work.some(({ jobs }) => jobs > 0)
        ? 'worth their share when the epoch ends'
        : 'at the prices that gateways paid; the terms settle it when the epoch ends',
  };
}

function workedOf(workers: Progress['workers']) {
  return workers.map(({ worker, jobs, amount }) => ({ worker, jobs, earned: amount }));
}

function payoutFigure(next: NextPayout, several: boolean): Figure {
  const label = 'Next payout';
  // Thresholds are of each machine alone: what all are owed together says nothing of any.
  const note =
    several && next.owed !== undefined
      ? `${next.owed} is owed; each machine is paid by its own threshold.`
      : next.text;
  if (next.at === undefined) return { label, value: next.when, note };
  return { label, value: <Time at={next.at} detail="date" />, note };
}

function Machines({
  of,
  progress,
}: {
  readonly of: readonly OwnWorker[];
  readonly progress: Progress | undefined;
}) {
  const work = Map.groupBy(workedOf(progress?.workers ?? []), ({ worker }) => worker);
  return (
    <Table
      caption="Your machines as they are now"
      rows={of}
      keyOf={({ id }) => id}
      empty="None. Ask the operator to enrol one."
      columns={[
        { title: 'Machine', cell: ({ id, name }) => <a href={`/worker/machines/${id}`}>{name}</a> },
        { title: 'State', cell: (worker) => <State of={worker} /> },
        {
          title: 'Sessions',
          figures: true,
          cell: (worker) => <span data-live={`${worker.id}:sessions`}>{sessionsText(worker)}</span>,
        },
        {
          title: 'Earned this epoch',
          figures: true,
          cell: ({ id }) => (
            <span data-live={`${id}:earned`}>
              <Earned of={work.get(id) ?? []} />
            </span>
          ),
        },
      ]}
    />
  );
}

function State({ of }: { readonly of: OwnWorker }) {
  const { tone, words, until } = standingOf(of);
  return (
    <>
      <span data-live={`${of.id}:state`}>
        <StateText tone={tone}>{words}</StateText>
        {until !== undefined && (
          <>
            {' until '}
            <Time at={until} detail="clock" />
          </>
        )}
      </span>
      <span data-live={`${of.id}:why`} hidden={words === 'Working'}>
        {' '}
        <a class="small" href={`/worker/why?worker=${of.id}`}>
          why?<span class="visually-hidden"> {of.name} has no work</span>
        </a>
      </span>
    </>
  );
}

function DayText({
  steps,
  hrefOf,
  hasWorked,
}: {
  readonly steps: readonly WorkStep[];
  readonly hrefOf: string;
  /** In the open epoch. */
  readonly hasWorked: boolean;
}) {
  const jobs = steps.reduce((total, one) => total + one.jobs, 0);
  const failed = steps
    .flatMap(({ failures }) => failures)
    .reduce((total, { count }) => total + count, 0);
  if (jobs + failed === 0 && hasWorked) {
    return <p class="empty">Hours are counted once a minute; look again in a minute.</p>;
  }
  if (jobs + failed === 0) {
    return (
      <p>
        No segment came in the last 24 hours. <a href="/worker/why">Why no work?</a>
      </p>
    );
  }
  return (
    <p>
      {showCounted(jobs, 'segment')} done,{' '}
      {failed === 0 ? 'none failed.' : <a href={hrefOf}>{failedText(failed, jobs + failed)}</a>}
    </p>
  );
}

function failedText(failed: number, all: number): string {
  return `${showCount(failed)} of ${showCount(all)} attempts failed`;
}
