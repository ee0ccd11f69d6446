import { showCount, showCounted, showMs } from '../../src/base/figures.ts';
import { Chart } from '../parts/chart.tsx';
import type { Point } from '../parts/decimate.ts';
import { Figures } from '../parts/figures.tsx';
import { Empty } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import type { WhyView } from './api-views.ts';
import { type Hours, rangeOf, ranges } from './ranges.ts';
import { linkOf, WorkerSwitch, workerPage } from './worker-page.tsx';

/** `/worker/why`: why does this machine get no work, or less than it could? */
export const whyPage = workerPage('/worker/why', async (parts) => {
  const { reader, request, worker } = parts;
  const hours = rangeOf(request.query, 1);
  const why = await reader.json<WhyView>(`/api/v1/me/why?hours=${hours}&worker=${worker.id}`);
  if (!why) return undefined;
  return {
    title: 'Why no work?',
    current: '/worker/why',
    content: (
      <>
        <WorkerSwitch of={parts} path="/worker/why" />
        <h1>Why no work for {worker.name}?</h1>
        <Spans hours={hours} here={linkOf(parts, '/worker/why')} />
        <p class="lead">{why.text}</p>
        <p class="hint">{verdicts[why.verdict]} Jobs are counted once a minute.</p>
        <Figures
          of={[
            { label: 'Jobs that came to the pool', value: showCount(why.jobs) },
            { label: 'Your machine could have taken', value: showCount(why.couldHaveTaken) },
            { label: 'It got and finished', value: showCount(why.got) },
            {
              label: 'Its speed',
              value: why.speed.mineMs === null ? 'not measured' : showMs(why.speed.mineMs),
              note: speedNote(why.speed),
            },
          ]}
        />
        <section aria-labelledby="reasons">
          <h2 id="reasons">Where the other jobs went</h2>
          <Reasons of={why} />
        </section>
        <section aria-labelledby="demand">
          <h2 id="demand">Demand</h2>
          <p class="prose">
            How much work came to the whole pool. When this line is low, nobody has much to do, and
            nothing is wrong with your machine.
          </p>
          <Chart
            view={{
              title: 'Jobs of the whole pool by the hour',
              unit: 'count',
              series: [{ name: 'jobs', role: 'ours', points: pointsOf(why, request.now) }],
              empty: 'No job came in the last days.',
              zero: 'No job came in the last days.',
            }}
          />
        </section>
        <Capabilities of={why} />
      </>
    ),
  };
});

const HOUR_MS = 3_600_000;

/** Hours without a job are not in the answer: they are zero, and not unknown. */
function pointsOf({ curve }: WhyView, now: number): readonly Point[] {
  const first = Date.parse(curve[0]?.hour ?? '');
  if (Number.isNaN(first)) return [];
  const known = new Map(curve.map(({ hour, jobs }) => [Date.parse(hour), jobs]));
  // A line takes two points: whoever counts for less than an hour sees the hour before, too.
  const from = Math.min(first, Math.floor(now / HOUR_MS) * HOUR_MS - HOUR_MS);
  const count = Math.floor((now - from) / HOUR_MS) + 1;
  return Array.from({ length: count }, (_, at): Point => {
    const hour = from + at * HOUR_MS;
    return [hour, known.get(hour) ?? 0];
  });
}

const verdicts: Readonly<Record<WhyView['verdict'], string>> = {
  no_demand: 'Nothing needs doing.',
  fair_share: 'It got its share; nothing needs doing.',
  missed: 'It missed work that it could have had; what would change that stands below.',
};

function speedNote({ mineMs, theirsMs }: WhyView['speed']): string | undefined {
  const within = '95 of 100 results within it';
  if (theirsMs !== null) return `others ${showMs(theirsMs)}; ${within}`;
  return mineMs === null ? undefined : within;
}

function Spans({ hours, here }: { readonly hours: Hours; readonly here: string }) {
  return (
    <nav class="switch" aria-label="Span of time">
      {ranges(here, hours, [1, 24, 168]).map(({ label, href, current }) => (
        <a key={href} href={href} aria-current={current || undefined}>
          last {label}
        </a>
      ))}
    </nav>
  );
}

function Reasons({ of }: { readonly of: WhyView }) {
  if (of.jobs === 0) return <Empty>No job came in this time, so none went elsewhere.</Empty>;
  return (
    <Table
      caption="Reasons, the most frequent first"
      rows={of.parts}
      keyOf={({ reason }) => reason}
      empty="None went elsewhere: it got every job that came."
      columns={[
        { title: 'Jobs', figures: true, cell: ({ jobs }) => showCount(jobs) },
        { title: 'Why', cell: ({ text }) => text },
        {
          title: 'What would change it',
          cell: ({ step }) => step ?? <span class="muted">Nothing: this is as it should be.</span>,
        },
      ]}
    />
  );
}

function Capabilities({ of: { notAsked, lacking } }: { readonly of: WhyView }) {
  if (notAsked.length === 0 && lacking.length === 0) return null;
  return (
    <section aria-labelledby="capabilities">
      <h2 id="capabilities">Kinds of work</h2>
      {lacking.length > 0 && (
        <p class="prose">
          Asked for, and your machine does not offer it:{' '}
          {lacking
            .map(
              ({ capability, jobs }) =>
                `${capability} (${showCount(jobs)} ${jobs === 1 ? 'job' : 'jobs'})`,
            )
            .join(', ')}
          .
        </p>
      )}
      {notAsked.length > 0 && (
        <details>
          <summary>
            {showCounted(notAsked.length, 'kind')} of work that it offers and nothing asked for
          </summary>
          <p class="prose">{notAsked.join(', ')}.</p>
        </details>
      )}
    </section>
  );
}
