import { showCount } from '../../src/base/figures.ts';
import { showRate } from './chart-format.ts';
import { Island } from './island.tsx';

/** One side of the river: who it is, and what runs there now. */
export interface FlowEnd {
  readonly label: string;
  readonly pixelsPerSecond: number;
}

/** What flows through the pool at this moment. */
export interface FlowView {
  readonly gateways: readonly FlowEnd[];
  readonly workers: readonly FlowEnd[];
  /** How many there are: only the largest are drawn by name. */
  readonly gatewayCount: number;
  readonly workerCount: number;
  readonly streams: number;
}

/** Lines of each side; the rest is one line of its own, so that the drawing stays below 200 elements. */
const LINES_MAX = 12;
const WIDTH = 800;
const GAP = 20;
const TOP = 30;
const CENTRE = WIDTH / 2;

/** The river: gateways left, pool, workers right, width of a line = pixels per second now. */
export function Flow({ view }: { readonly view: FlowView }) {
  return (
    <figure class="flow">
      <Island name="flow" props={view}>
        <FlowDrawing view={view} />
      </Island>
      <figcaption>
        Gateways send video to the pool, the pool hands it to workers: streams now, thicker where
        more pixels flow.
      </figcaption>
      <details>
        <summary>The drawing as a table</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">Side</th>
              <th scope="col">Who</th>
              <th scope="col" class="figures">
                Now
              </th>
            </tr>
          </thead>
          <tbody>
            {[...view.gateways, ...view.workers].map(({ label, pixelsPerSecond }, at) => (
              <tr key={at}>
                <td>{at < view.gateways.length ? 'Gateway' : 'Worker'}</td>
                <td>{label}</td>
                <td class="figures">{showRate(pixelsPerSecond)}</td>
              </tr>
            ))}
            <tr>
              <td>All</td>
              <td>{countsText(view)}</td>
              <td class="figures">{showRate(sum(view.workers))}</td>
            </tr>
          </tbody>
        </table>
      </details>
    </figure>
  );
}

/** The drawing alone. */
export function FlowDrawing({ view }: { readonly view: FlowView }) {
  const left = linesOf(view.gateways, view.gatewayCount, 'gateways');
  const right = linesOf(view.workers, view.workerCount, 'workers');
  const rows = Math.max(left.length, right.length, 2);
  const height = TOP * 2 + (rows - 1) * GAP + 8;
  const middle = height / 2;
  const most = Math.max(1, ...left.map(rate), ...right.map(rate));
  const width = (one: FlowEnd) =>
    one.pixelsPerSecond <= 0 ? 1.2 : 1.5 + 9 * Math.sqrt(one.pixelsPerSecond / most);
  const y = (at: number, count: number) => middle + (at - (count - 1) / 2) * GAP;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={countsText(view)}>
      {left.map((one, at) => (
        <Stream
          key={one.label}
          end={one}
          path={`M150 ${y(at, left.length)}C270 ${y(at, left.length)} 270 ${middle} ${CENTRE - 60} ${middle}`}
          width={width(one)}
          x={140}
          y={y(at, left.length)}
          anchor="end"
        />
      ))}
      {right.map((one, at) => (
        <Stream
          key={one.label}
          end={one}
          path={`M${CENTRE + 60} ${middle}C530 ${middle} 530 ${y(at, right.length)} 650 ${y(at, right.length)}`}
          width={width(one)}
          x={660}
          y={y(at, right.length)}
          anchor="start"
        />
      ))}
      <path
        d={`M${CENTRE - 60} ${middle}H${CENTRE + 60}`}
        class={sum(view.workers) > 0 ? '' : 'quiet'}
        stroke-width={sum(view.workers) > 0 ? 12 : 2}
      />
      <text x={CENTRE} y={middle - 16} text-anchor="middle">
        the pool
      </text>
      <text class="minor" x={CENTRE} y={middle + 26} text-anchor="middle">
        {showCount(view.streams)} {view.streams === 1 ? 'stream' : 'streams'} now
      </text>
    </svg>
  );
}

function Stream({
  end,
  path,
  width,
  x,
  y,
  anchor,
}: {
  readonly end: FlowEnd;
  readonly path: string;
  readonly width: number;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'end';
}) {
  const isQuiet = end.pixelsPerSecond <= 0;
  return (
    <g>
      <path d={path} class={isQuiet ? 'quiet' : ''} stroke-width={Math.round(width * 10) / 10} />
      <text class={isQuiet ? 'minor' : ''} x={x} y={y + 4} text-anchor={anchor}>
        {end.label}
      </text>
    </g>
  );
}

/** The largest by name, the rest as one; where nobody is, one quiet line that says so. */
function linesOf(ends: readonly FlowEnd[], count: number, what: string): readonly FlowEnd[] {
  if (count === 0) return [{ label: `no ${what} now`, pixelsPerSecond: 0 }];
  const sorted = [...ends].sort((a, b) => b.pixelsPerSecond - a.pixelsPerSecond);
  const kept = sorted.slice(0, LINES_MAX);
  const rest = count - kept.length;
  if (rest <= 0) return kept;
  return [
    ...kept,
    { label: `${showCount(rest)} more`, pixelsPerSecond: sum(sorted.slice(LINES_MAX)) },
  ];
}

function countsText({ gatewayCount, workerCount, streams }: FlowView): string {
  const plural = (count: number, one: string) =>
    `${showCount(count)} ${one}${count === 1 ? '' : 's'}`;
  return `${plural(gatewayCount, 'gateway')}, ${plural(workerCount, 'worker')}, ${plural(streams, 'stream')} now`;
}

function rate({ pixelsPerSecond }: FlowEnd): number {
  return pixelsPerSecond;
}

function sum(ends: readonly FlowEnd[]): number {
  return ends.reduce((total, one) => total + one.pixelsPerSecond, 0);
}
