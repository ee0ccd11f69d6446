import { showCounted } from '../../src/base/figures.ts';
import { Chart } from '../parts/chart.tsx';
import { showRate } from '../parts/chart-format.ts';
import { Flow, flowOf } from '../parts/flow.tsx';
import { Island } from '../parts/island.tsx';
import { Table } from '../parts/table.tsx';
import type { HistoryStep, Status } from './api-views.ts';
import { operatorPage } from './operator-page.tsx';
import { TrafficFigures } from './overview.tsx';
import { failuresChart, latencyChart, segmentsChart } from './traffic-charts.ts';

const PATH = '/operator/traffic';
const RANGES = [
  { label: '24 h', by: 'hour', days: 1 },
  { label: '7 d', by: 'hour', days: 7 },
  { label: '30 d', by: 'day', days: 30 },
] as const;

/** `/operator/traffic`: what comes, from whom, and how well is it served? */
export const trafficPage = operatorPage(PATH, async ({ reader, pool, request }) => {
  const asked = request.query.get('range');
  const range = RANGES.find(({ label }) => label.replace(' ', '') === asked) ?? RANGES[0];
  const [status, history] = await Promise.all([
    reader.json<Status>('/api/v1/status'),
    reader.json<HistoryStep[]>(`/api/v1/pool/history?by=${range.by}&days=${range.days}`),
  ]);
  if (!status) return undefined;
  const steps = history ?? [];
  const ranges = RANGES.map(({ label }) => ({
    label,
    href: `${PATH}?range=${label.replace(' ', '')}`,
    current: label === range.label,
  }));
  const { gateways } = pool.now;
  return {
    title: 'Traffic',
    current: PATH,
    content: (
      <>
        <Island name="operator-live" props={{}}>
          <h1>{headline(status)}</h1>
          <p class="hint" data-live="stale" role="status" hidden />
          <TrafficFigures of={status} />
        </Island>
        <Flow view={flowOf(pool)} />
        <section aria-labelledby="gateways">
          <h2 id="gateways">Gateways in the last minute</h2>
          <Table
            caption="Gateways that sent something in the last minute"
            rows={gateways}
            keyOf={({ label }) => label}
            empty="No gateway sent anything in the last minute."
            columns={[
              { title: 'Gateway', cell: ({ label }) => <code>{label}</code> },
              {
                title: 'Sends',
                figures: true,
                cell: ({ pixelsPerSecond }) => showRate(pixelsPerSecond),
              },
            ]}
          />
        </section>
        <section aria-labelledby="time">
          <h2 id="time">Over time</h2>
          <Chart view={latencyChart(steps, ranges)} />
          <Chart view={segmentsChart(steps, ranges)} />
          <Chart view={failuresChart(steps, ranges)} />
        </section>
      </>
    ),
  };
});

function headline({ sessions, segments }: Status): string {
  if (sessions === 0) return 'No session is open now';
  const open = `${showCounted(sessions, 'session')} ${sessions === 1 ? 'is' : 'are'}`;
  return `${open} open, ${showCounted(segments.inFlight, 'segment')} under way`;
}
