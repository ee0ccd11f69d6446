import { showCount, showMs, showPixels } from '../../src/base/figures.ts';
import { Chart, type ChartView } from '../parts/chart.tsx';
import { PostForm } from '../parts/confirm.tsx';
import { Figures } from '../parts/figures.tsx';
import { Island } from '../parts/island.tsx';
import { Table } from '../parts/table.tsx';
import { utcText } from '../parts/time.tsx';
import type { Machine, OwnWorker, Progress, WorkStep } from './api-views.ts';
import { Computers } from './computers.tsx';
import { Earned, earnedLabel } from './earned.tsx';
import { rangeOf, ranges } from './ranges.ts';
import { sessionsText, standingOf, standingText } from './standing.ts';
import { earnedCharts, hoursOf, workCharts } from './work-charts.ts';
import { type WorkerParts, workerPage } from './worker-page.tsx';

/** `/worker/machines/ID`: does this machine work, how well, and what must I do? */
export const machinePage = workerPage('/worker/machines/{worker}', async (parts) => {
  const { reader, request, worker, token } = parts;
  const hours = rangeOf(request.query, 24);
  const here = `/worker/machines/${worker.id}`;
  const [progress, machines, steps] = await Promise.all([
    reader.json<Progress>(`/api/v1/me/progress?worker=${worker.id}`),
    reader.json<Machine[]>(`/api/v1/me/machines?worker=${worker.id}`),
    reader.json<WorkStep[]>(`/api/v1/me/work?hours=${hours}&worker=${worker.id}`),
  ]);
  const work = steps ?? [];
  const byHour = hoursOf(work, { now: request.now, hours });
  const charts = workCharts(byHour);
  const withRanges = (view: ChartView): ChartView => ({
    ...view,
    ranges: ranges(here, hours, [24, 168, 720]),
  });
  return {
    title: worker.name,
    current: '/worker',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker">Overview</a>
        </p>
        <h1>{worker.name}</h1>
        <Island name="worker-live" props={{}}>
          <Lead of={worker} />
          <Pausing of={worker} token={token} here={here} />
          <Speeds of={worker} work={work} hours={hours} progress={progress} />
        </Island>
        <section aria-labelledby="work">
          <h2 id="work">What it did</h2>
          <Chart view={withRanges(charts.jobs)} />
          {earnedCharts(byHour).map((view) => (
            <Chart key={view.series[0]?.name} view={view} />
          ))}
          <Chart view={charts.speed} />
        </section>
        <section aria-labelledby="failures">
          <h2 id="failures">What failed, and what to do</h2>
          <Failures of={work} hours={hours} />
        </section>
        <section aria-labelledby="computers">
          <h2 id="computers">Computers that connected</h2>
          <Computers of={machines ?? []} />
        </section>
        <section aria-labelledby="credential">
          <h2 id="credential">Credential</h2>
          <p class="prose">
            The worker program shows it to the pool. Make a new one when the old one may have been
            seen by somebody. It earns for you and cannot take money out; still, give it to nobody.
          </p>
          <Island name="rotate" props={{ worker: worker.id, name: worker.name }}>
            <p class="empty">
              A new credential is shown in this browser, which takes JavaScript. Without it, ask the
              operator for one.
            </p>
          </Island>
        </section>
      </>
    ),
  };
});

function Lead({ of }: { readonly of: OwnWorker }) {
  const standing = standingOf(of);
  const words = standingText(standing, (iso) => utcText(new Date(iso), 'clock'));
  return (
    <p class="lead">
      <span class={`state ${standing.tone}`} data-live={`${of.id}:state`}>
        {words}
      </span>
      . Sessions: <span data-live={`${of.id}:sessions`}>{sessionsText(of)}</span>.{' '}
      <span data-live={`${of.id}:next`}>{standing.next ?? 'Nothing needs your attention.'}</span>{' '}
      <a
        data-live={`${of.id}:why`}
        hidden={words === 'Working'}
        href={`/worker/why?worker=${of.id}`}
      >
        Why no work?
      </a>
    </p>
  );
}

function Pausing({
  of: { id, name, state },
  token,
  here,
}: {
  readonly of: OwnWorker;
  readonly token: WorkerParts['token'];
  readonly here: string;
}) {
  if (state === 'revoked' || state === 'draining') return null;
  const isPaused = state === 'paused';
  return (
    <Island name="form" props={{}}>
      <PostForm
        action={`/api/v1/me/${isPaused ? 'resume' : 'pause'}`}
        token={token}
        goOn={here}
        hidden={{ worker: id }}
      >
        <p class="buttons">
          <button type="submit" class={isPaused ? undefined : 'quiet'}>
            {isPaused ? `Resume ${name}` : `Pause ${name}`}
          </button>
          <span class="hint">
            {isPaused
              ? 'It gets work again within a second.'
              : 'What it works at is finished and paid; it gets nothing new until you resume it.'}
          </span>
        </p>
      </PostForm>
    </Island>
  );
}

function Speeds({
  of,
  work,
  hours,
  progress,
}: {
  readonly of: OwnWorker;
  readonly work: readonly WorkStep[];
  readonly hours: number;
  readonly progress: Progress | undefined;
}) {
  const [now] = progress?.workers ?? [];
  const measured = work.filter(({ p95Ms }) => p95Ms !== null);
  const p95 = measured.map(({ p95Ms }) => p95Ms ?? 0);
  const last = measured.at(-1);
  const period = hours === 24 ? '24 hours' : `${hours / 24} days`;
  return (
    <Figures
      of={[
        {
          label: <span data-live="epoch">{earnedLabel(progress?.epoch ?? '')}</span>,
          value: (
            <span data-live={`${of.id}:earned`}>
              <Earned of={now ? [{ jobs: now.jobs, earned: now.amount }] : []} />
            </span>
          ),
        },
        {
          label: 'Segments in all',
          value: showCount(of.segments),
          note: showPixels(BigInt(of.pixels)),
        },
        {
          label: 'Failed attempts in all',
          value: showCount(of.failures),
          note: of.failures === 0 ? 'none' : <a href="#failures">what to do</a>,
        },
        {
          label: 'Speed in its last hour of work',
          value: last ? `${showMs(last.p50Ms ?? 0)}` : 'not measured',
          note: last ? `half were faster; 95 of 100 within ${showMs(last.p95Ms ?? 0)}` : undefined,
        },
        {
          label: `Slowest hour of ${period}`,
          value: p95.length === 0 ? 'not measured' : showMs(Math.max(...p95)),
          note: p95.length === 0 ? undefined : '95 of 100 were within it',
        },
      ]}
    />
  );
}

type Failure = WorkStep['failures'][number];

function Failures({ of, hours }: { readonly of: readonly WorkStep[]; readonly hours: number }) {
  const byWhat = Map.groupBy(
    of.flatMap(({ failures }) => failures),
    ({ what }) => what,
  );
  const rows = [...byWhat.values()]
    .map((same) => ({
      ...(same[0] as Failure),
      count: same.reduce((sum, { count }) => sum + count, 0),
    }))
    .sort((a, b) => b.count - a.count);
  return (
    <Table
      caption="Failures by reason"
      rows={rows}
      keyOf={({ what }) => what}
      empty={`Nothing failed in the last ${hours === 24 ? '24 hours' : `${hours / 24} days`}.`}
      columns={[
        { title: 'How often', figures: true, cell: ({ count }) => showCount(count) },
        { title: 'What happened', cell: ({ text }) => text },
        { title: 'What to do', cell: ({ step }) => step },
      ]}
    />
  );
}
