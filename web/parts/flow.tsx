import type { PoolView } from '../../src/api/pool-view.ts';
import { showCount, showCounted } from '../../src/base/figures.ts';
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

/** The river out of what the pool says of itself. */
export function flowOf({ now }: Pick<PoolView, 'now'>): FlowView {
  return {
    gateways: now.gateways,
    workers: now.workers,
    gatewayCount: now.gateways.length,
    workerCount: Math.max(now.workersConnected, now.workers.length),
    streams: now.streams,
  };
}

/** Between two lines, and above the first. */
const GAP = 24;
/** How wide all of it is together. */
const RIVER = 16;
/** Lines reach into the pool, so that no seam shows. */
const SEAM = 2;
const TOP = 32;

/** The river: gateways left, pool, workers right, width of a line = pixels per second now. */
export function Flow({ view }: { readonly view: FlowView }) {
  return (
    <figure class="flow">
      <Island name="flow" props={{}}>
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

/** The drawing alone; on a phone, one that is made for it. */
export function FlowDrawing({ view }: { readonly view: FlowView }) {
  return (
    <>
      <River view={view} place={WIDE} />
      <River view={view} place={NARROW} />
    </>
  );
}

/** Where things stand in the drawing. It is never shown narrower than it is, or its text was too small. */
interface Place {
  readonly name: string;
  readonly width: number;
  /** Where the lines of gateways begin, and those of workers end; labels stand outside. */
  readonly left: number;
  readonly right: number;
  /** Half the length of the pool. */
  readonly half: number;
  readonly linesMax: number;
  readonly labelMax: number;
}

const WIDE: Place = {
  name: 'wide',
  width: 720,
  left: 150,
  right: 570,
  half: 56,
  linesMax: 12,
  labelMax: 22,
};
const NARROW: Place = {
  name: 'narrow',
  width: 350,
  left: 110,
  right: 248,
  half: 26,
  linesMax: 6,
  labelMax: 13,
};

function River({ view, place }: { readonly view: FlowView; readonly place: Place }) {
  const left = linesOf(view.gateways, view.gatewayCount, { what: 'gateways', place });
  const right = linesOf(view.workers, view.workerCount, { what: 'workers', place });
  const rows = Math.max(left.length, right.length, 3);
  const height = TOP * 2 + (rows - 1) * GAP;
  const middle = height / 2;
  const centre = (place.left + place.right) / 2;
  const [begin, end] = [centre - place.half, centre + place.half];
  const all = Math.max(1, sum(left), sum(right));
  const width = (one: FlowEnd) =>
    one.pixelsPerSecond <= 0 ? 1.2 : Math.max(1.5, (RIVER * one.pixelsPerSecond) / all);
  const y = (at: number, count: number) => middle + (at - (count - 1) / 2) * GAP;
  const isFlowing = sum(view.workers) > 0;
  const atPool = {
    left: banks(left.map(width), middle),
    right: banks(right.map(width), middle),
  };
  return (
    <svg
      class={place.name}
      viewBox={`0 0 ${place.width} ${height}`}
      role="img"
      aria-label={countsText(view)}
    >
      {left.map((one, at) => (
        <Stream
          key={one.label}
          end={one}
          path={curve([place.left, y(at, left.length)], [begin + SEAM, atPool.left[at] as number])}
          width={width(one)}
          x={place.left - 10}
          y={y(at, left.length)}
          anchor="end"
          labelMax={place.labelMax}
        />
      ))}
      {right.map((one, at) => (
        <Stream
          key={one.label}
          end={one}
          path={curve([end - SEAM, atPool.right[at] as number], [place.right, y(at, right.length)])}
          width={width(one)}
          x={place.right + 10}
          y={y(at, right.length)}
          anchor="start"
          labelMax={place.labelMax}
        />
      ))}
      <path
        d={`M${begin} ${middle}H${end}`}
        class={isFlowing ? '' : 'quiet'}
        stroke-width={isFlowing ? RIVER : 2}
      />
      <text x={centre} y={middle - 18} text-anchor="middle">
        the pool
      </text>
      <text class="minor" x={centre} y={middle + 28} text-anchor="middle">
        {showCounted(view.streams, 'stream')} now
      </text>
    </svg>
  );
}

/** Where each line meets the pool: one beside the other, as wide as they are, around the middle. */
function banks(widths: readonly number[], middle: number): readonly number[] {
  const whole = widths.reduce((total, one) => total + one, 0);
  let top = middle - whole / 2;
  return widths.map((one) => {
    top += one;
    return Math.round((top - one / 2) * 10) / 10;
  });
}

type Spot = readonly [x: number, y: number];

function curve([x1, y1]: Spot, [x2, y2]: Spot): string {
  const bend = (x1 + x2) / 2;
  return `M${x1} ${y1}C${bend} ${y1} ${bend} ${y2} ${x2} ${y2}`;
}

function Stream({
  end,
  path,
  width,
  x,
  y,
  anchor,
  labelMax,
}: {
  readonly end: FlowEnd;
  readonly path: string;
  readonly width: number;
  readonly x: number;
  readonly y: number;
  readonly anchor: 'start' | 'end';
  /** Longer ones are cut; the table has them whole. */
  readonly labelMax: number;
}) {
  const isQuiet = end.pixelsPerSecond <= 0;
  const label = end.label.length > labelMax ? `${end.label.slice(0, labelMax - 1)}…` : end.label;
  return (
    <g>
      <path d={path} class={isQuiet ? 'quiet' : ''} stroke-width={Math.round(width * 10) / 10} />
      <text class={isQuiet ? 'minor' : ''} x={x} y={y + 4} text-anchor={anchor}>
        {label}
      </text>
    </g>
  );
}

/** The largest by name, the rest as one; where nobody is, one quiet line that says so. */
function linesOf(
  ends: readonly FlowEnd[],
  count: number,
  { what, place: { linesMax, labelMax } }: { readonly what: string; readonly place: Place },
): readonly FlowEnd[] {
  if (count === 0) {
    const label = `no ${what} now`;
    return [{ label: label.length > labelMax ? `no ${what}` : label, pixelsPerSecond: 0 }];
  }
  const sorted = [...ends].sort((a, b) => b.pixelsPerSecond - a.pixelsPerSecond);
  const kept = sorted.slice(0, linesMax);
  const rest = count - kept.length;
  if (rest <= 0) return kept;
  const pixelsPerSecond = sum(sorted.slice(linesMax));
  const word = pixelsPerSecond > 0 ? 'more' : 'idle';
  return [...kept, { label: `${showCount(rest)} ${word}`, pixelsPerSecond }];
}

function countsText({ gatewayCount, workerCount, streams }: FlowView): string {
  return `${showCounted(gatewayCount, 'gateway')}, ${showCounted(workerCount, 'worker')}, ${showCounted(streams, 'stream')} now`;
}

function sum(ends: readonly FlowEnd[]): number {
  return ends.reduce((total, one) => total + one.pixelsPerSecond, 0);
}
