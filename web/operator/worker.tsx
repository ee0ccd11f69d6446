import { showCount, showMs, showPixels } from '../../src/base/figures.ts';
import { Chart } from '../parts/chart.tsx';
import { Figures } from '../parts/figures.tsx';
import { Notice, StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { hoursOf, workCharts } from '../worker/work-charts.ts';
import type {
  Fact,
  FailedAttempt,
  FleetWorker,
  Machine,
  Notices,
  WhyView,
  WorkStep,
} from './api-views.ts';
import { untilIn } from './attention.tsx';
import { failureShare, percent, shareTone, statusTone } from './fleet.ts';
import { Machines } from './machines.tsx';
import { operatorPage } from './operator-page.tsx';
import { WorkerActions } from './worker-actions.tsx';
import { Told } from './worker-told.tsx';

/** The last hour, or a figure that there is none of. */
type Shown = Omit<FleetWorker, 'lastHour' | 'health' | 'quarantinedUntil'> &
  Partial<Pick<FleetWorker, 'lastHour' | 'health' | 'quarantinedUntil'>>;

/** `/operator/workers/ID`: what is the matter with it, and what can be done? */
export const workerPage = operatorPage('/operator/workers/{worker}', async (parts) => {
  const { reader, params, request } = parts;
  const path = `/api/v1/workers/${params.worker}`;
  const [own, fleet] = await Promise.all([
    reader.json<Shown>(path),
    reader.json<FleetWorker[]>('/api/v1/operator/fleet'),
  ]);
  if (!own) return undefined;
  const worker: Shown = fleet?.find(({ id }) => id === own.id) ?? own;
  const [work, failures, machines, facts, why, told] = await Promise.all([
    reader.json<WorkStep[]>(`${path}/work?hours=24`),
    reader.json<FailedAttempt[]>(`${path}/failures`),
    reader.json<Machine[]>(`${path}/machines`),
    reader.json<Fact[]>(`${path}/facts`),
    reader.json<WhyView>(`${path}/why?hours=1`),
    reader.json<Notices>(`/api/v1/notices/all?worker=${own.id}&limit=10`),
  ]);
  const charts = workCharts(hoursOf(work ?? [], { now: request.now, hours: 24 }));
  return {
    title: worker.name,
    current: '/operator/workers',
    content: (
      <>
        <p class="crumbs">
          <a href="/operator/workers">Workers</a>
        </p>
        <h1>{worker.name}</h1>
        <p class="lead">
          <StateText tone={statusTone(worker)}>{untilIn(worker.status)}.</StateText>
        </p>
        <Summary of={worker} />
        <section aria-labelledby="failures">
          <h2 id="failures">Why attempts failed</h2>
          <Reasons of={failures ?? []} />
          <Failures of={failures ?? []} />
        </section>
        <WorkerActions of={parts} worker={worker} facts={facts ?? []} />
        <section aria-labelledby="told">
          <h2 id="told">What its owner was told</h2>
          <Told of={told?.items ?? []} />
        </section>
        <section aria-labelledby="machines">
          <h2 id="machines">Computers</h2>
          <Machines of={machines ?? []} worker={worker} parts={parts} />
        </section>
        <section aria-labelledby="day">
          <h2 id="day">Last 24 hours</h2>
          <Chart view={charts.speed} />
          <Chart view={charts.jobs} />
        </section>
        {why && (
          <section aria-labelledby="why">
            <h2 id="why">What it is told about its work, last hour</h2>
            <p class="prose">{why.text}</p>
          </section>
        )}
      </>
    ),
  };
});

function Summary({ of }: { readonly of: Shown }) {
  const share = of.lastHour && failureShare({ lastHour: of.lastHour });
  const p95 = of.lastHour?.p95Ms ?? null;
  return (
    <Figures
      of={[
        {
          label: 'Failed, last hour',
          value:
            share === undefined ? (
              'no attempt'
            ) : (
              <StateText tone={shareTone(share)}>{percent(share)}</StateText>
            ),
          note: `${showCount(of.failures)} since it was enrolled`,
        },
        { label: 'p95, last hour', value: p95 === null ? 'nothing measured' : showMs(p95) },
        {
          label: 'Sessions now',
          value: `${of.sessions} of ${of.capacity}`,
          note: `${of.connections} ${of.connections === 1 ? 'connection' : 'connections'}`,
        },
        {
          label: 'Segments credited',
          value: showCount(of.segments),
          note: showPixels(BigInt(of.pixels)),
        },
        {
          label: 'Enrolled',
          value: <Time at={of.createdAt} detail="date" />,
          note: `${of.validSecrets} valid ${of.validSecrets === 1 ? 'credential' : 'credentials'}`,
        },
      ]}
    />
  );
}

function Reasons({ of }: { readonly of: readonly FailedAttempt[] }) {
  const reasons = [...Map.groupBy(of, ({ text }) => text).values()].toSorted(
    (a, b) => b.length - a.length,
  );
  if (reasons.length === 0) return <p class="state good">No attempt failed yet.</p>;
  return (
    <ul class="plain-list stack">
      {reasons.map((same) => {
        const [{ text, step, at }] = same as [FailedAttempt];
        return (
          <li key={text}>
            <Notice tone="attention" title={`${showCount(same.length)}×: ${text}`}>
              {step}{' '}
              <span class="muted">
                Last <Time at={at} />.
              </span>
            </Notice>
          </li>
        );
      })}
    </ul>
  );
}

function Failures({ of }: { readonly of: readonly FailedAttempt[] }) {
  if (of.length === 0) return null;
  return (
    <details>
      <summary>{of.length === 1 ? 'The attempt' : `The last ${of.length}, one by one`}</summary>
      <Table
        caption="Failed attempts, the last first"
        rows={of}
        keyOf={({ job, attempt }) => `${job} ${attempt}`}
        empty="None."
        columns={[
          { title: 'When', cell: ({ at }) => <Time at={at} /> },
          { title: 'What', cell: ({ text }) => text },
          { title: 'Attempt', figures: true, cell: ({ attempt }) => attempt },
          { title: 'Job', cell: ({ job }) => <code>{job.slice(-12)}</code> },
        ]}
      />
    </details>
  );
}
