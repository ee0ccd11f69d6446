import { showSpan } from '../../src/base/figures.ts';
import { uptimeOf } from '../../src/base/uptime.ts';
import type { Page } from '../page.ts';
import { Chart } from '../parts/chart.tsx';
import { Facts } from '../parts/figures.tsx';
import { StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Timeline } from '../parts/timeline.tsx';
import type { HistoryStep, IncidentView } from './api-views.ts';
import { publicFrame } from './frame.ts';
import { daysOf, measured, pointsOf, uptimeText } from './history.ts';
import { loadPool } from './pool.ts';

/** Of each range, the step that gives it 24 to 168 points. */
const RANGES = [
  ['24h', '24 h', 'by=hour&days=1'],
  ['7d', '7 d', 'by=hour&days=7'],
  ['30d', '30 d', 'by=day&days=30'],
  ['90d', '90 d', 'by=day&days=90'],
] as const;
/** Incidents of a page. */
const SHOWN = 50;

/** Older ones have no page of their own any more; they stay in the list. */
const KEPT_MAX = 200;

interface IncidentPage {
  readonly items: readonly IncidentView[];
  readonly next: string | null;
}

/** `/incidents`: is this pool there when it should be? */
export const incidentsPage: Page = {
  path: '/incidents',
  async show({ reader, request }) {
    const asked = request.query.get('range');
    const range = RANGES.find(([name]) => name === asked)?.[0] ?? '30d';
    const cursor = request.query.get('cursor');
    const more = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const [loaded, days, steps, incidents] = await Promise.all([
      loadPool(reader),
      reader.json<readonly HistoryStep[]>('/api/v1/pool/history?by=day&days=90'),
      reader.json<readonly HistoryStep[]>(historyPath(range)),
      reader.json<IncidentPage>(`/api/v1/incidents?limit=${SHOWN}${more}`),
    ]);
    return {
      frame: publicFrame(loaded, {
        title: 'Incidents',
        description: `Uptime of ${loaded.pool.name}, and what went wrong.`,
        current: '/incidents',
      }),
      content: (
        <Overview
          days={days ?? []}
          steps={measured(steps ?? [])}
          range={range}
          incidents={incidents ?? { items: [], next: null }}
          now={request.now}
        />
      ),
    };
  },
};

function historyPath(range: string): string {
  return `/api/v1/pool/history?${RANGES.find(([name]) => name === range)?.[2]}`;
}

function Overview({
  days,
  steps,
  range,
  incidents: { items, next },
  now,
}: {
  readonly days: readonly HistoryStep[];
  readonly steps: readonly HistoryStep[];
  readonly range: string;
  readonly incidents: IncidentPage;
  readonly now: number;
}) {
  const { share, downMs, plannedMs, measuredMs } = uptimeOf(days);
  const ranges = RANGES.map(([name, label]) => ({
    label,
    href: `/incidents?range=${name}#charts`,
    current: name === range,
  }));
  return (
    <>
      <h1>Uptime and incidents</h1>
      <p class="lead">
        {share === undefined
          ? 'Nothing was measured yet: the pool has just begun.'
          : [
              `Up ${uptimeText(share)} of the last ${showSpan(measuredMs)}.`,
              downMs < 1000 ? 'Never away without notice.' : `Away for ${showSpan(downMs)}.`,
              plannedMs === 0 ? '' : `${showSpan(plannedMs)} of announced work are left out.`,
            ].join(' ')}
      </p>
      <Timeline days={daysOf(measured(days), items)} />
      <section aria-labelledby="list">
        <h2 id="list">What happened, and what is planned</h2>
        <Table
          caption="Incidents and planned work, the last first"
          rows={items}
          keyOf={({ id }) => id}
          csv="/api/v1/incidents?format=csv"
          next={next === null ? undefined : `/incidents?cursor=${encodeURIComponent(next)}`}
          empty="Nothing has happened, and nothing is planned. What does will stand here, with who is affected and what to do."
          columns={[
            {
              title: 'What',
              cell: ({ id, title }) => <a href={`/incidents/${id}`}>{title}</a>,
            },
            { title: 'State', cell: (one) => <State of={one} now={now} /> },
            { title: 'From', cell: ({ startsAt }) => <Time at={startsAt} /> },
            { title: 'Until', cell: (one) => <Until of={one} /> },
          ]}
        />
      </section>
      <section aria-labelledby="charts">
        <h2 id="charts">In figures</h2>
        <p class="prose hint">
          p50: half of the segments took less. p99: all but one in a hundred took less.
        </p>
        <Chart
          view={{
            title: 'Latency that the pool adds to a segment',
            unit: 'ms',
            ranges,
            series: [
              {
                name: 'p50',
                role: 'ours',
                points: pointsOf(steps, ({ addedP50Ms }) => addedP50Ms),
                band: { name: 'p99', points: pointsOf(steps, ({ addedP99Ms }) => addedP99Ms) },
              },
            ],
            empty: 'No segment was measured in this time.',
          }}
        />
        <Chart
          view={{
            title: 'Segments of gateways',
            unit: 'count',
            series: [
              { name: 'sent', role: 'compare', points: pointsOf(steps, ({ jobs }) => jobs) },
              { name: 'failed', role: 'ours', points: pointsOf(steps, ({ failed }) => failed) },
            ],
            empty: 'No gateway sent a segment in this time.',
            zero: 'No gateway sent a segment in this time.',
          }}
        />
        <p class="small">
          <a href={`${historyPath(range)}&format=csv`}>These figures as CSV</a>
        </p>
      </section>
    </>
  );
}

/** `/incidents/N`: what happened, whom did it concern, is it over? */
export const incidentPage: Page = {
  path: '/incidents/{incident}',
  async show({ reader, request, params }) {
    const id = params.incident ?? '';
    if (!/^[1-9]\d{0,17}$/.test(id)) return undefined;
    const list = await reader.json<IncidentPage>(`/api/v1/incidents?limit=${KEPT_MAX}`);
    const found = list?.items.find((one) => one.id === id);
    if (!found) return undefined;
    const loaded = await loadPool(reader);
    return {
      frame: publicFrame(loaded, {
        title: found.title,
        description: found.title,
        current: '/incidents',
      }),
      content: (
        <>
          <p class="crumbs">
            <a href="/incidents">Incidents</a>
          </p>
          <h1>{found.title}</h1>
          <p class="lead">
            <State of={found} now={request.now} />
          </p>
          <Facts
            of={[
              { label: 'From', value: <Time at={found.startsAt} /> },
              { label: 'Until', value: <Until of={found} /> },
              {
                label: 'Noted by',
                value: found.automatic ? 'the pool itself, when it came back' : 'its operator',
              },
            ]}
          />
          {found.updates.length === 0 ? (
            <p class="empty">Nothing more was said of it.</p>
          ) : (
            <Facts
              of={found.updates.toReversed().map(({ at, text }) => ({
                label: <Time at={at} />,
                value: text,
              }))}
            />
          )}
        </>
      ),
    };
  },
};

function State({
  of: { kind, startsAt, endsAt, closedAt },
  now,
}: {
  readonly of: IncidentView;
  readonly now: number;
}) {
  const ends = closedAt ?? (kind === 'maintenance' ? endsAt : null);
  if (ends !== null && Date.parse(ends) <= now) return <StateText tone="good">Over</StateText>;
  if (Date.parse(startsAt) > now) return <StateText>Planned</StateText>;
  return kind === 'maintenance' ? (
    <StateText tone="attention">Planned work is going on</StateText>
  ) : (
    <StateText tone="wrong">Going on</StateText>
  );
}

function Until({ of: { endsAt, closedAt } }: { readonly of: IncidentView }) {
  const end = closedAt ?? endsAt;
  return end === null ? <>not known yet</> : <Time at={end} />;
}
