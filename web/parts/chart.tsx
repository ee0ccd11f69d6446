import { type ChartUnit, showValue } from './chart-format.ts';
import { decimate, type Point, ticks } from './decimate.ts';
import { Island } from './island.tsx';
import { Scroll } from './scroll.tsx';
import { Time, utcText } from './time.tsx';

/** A line of a chart: ours in water, what it is compared with in muted. */
export interface ChartSeries {
  readonly name: string;
  readonly role: 'ours' | 'compare';
  readonly points: readonly Point[];
  /** The upper edge of the band above the line, such as p95 over p50; same moments. */
  readonly band?: { readonly name: string; readonly points: readonly Point[] };
}

/** What a chart shows. */
export interface ChartView {
  readonly title: string;
  readonly unit: ChartUnit;
  readonly series: readonly ChartSeries[];
  /** Links to other spans of time; the current one has none. */
  readonly ranges?: readonly {
    readonly label: string;
    readonly href: string;
    readonly current: boolean;
  }[];
  /** Shown instead when there is not a single value. */
  readonly empty: string;
}

export const CHART_WIDTH = 720;
const HEIGHT = 200;
const LEFT = 8;
const RIGHT = 92;
const TOP = 24;
const BOTTOM = 24;
/** Rows of the table: the rest is in the CSV. */
const ROWS_MAX = 200;

/**
 * A chart with its table beneath: SVG, zero-based, labels at the line, values under the pointer or
 * the arrow keys. Any number of points: only as many are drawn as there are pixels.
 */
export function Chart({ view }: { readonly view: ChartView }) {
  const drawn = { ...view, series: view.series.map((one) => thin(one, CHART_WIDTH)) };
  const moments = new Set(
    view.series.flatMap(({ points }) =>
      points.flatMap(([at, value]) => (value === null ? [] : [at])),
    ),
  );
  return (
    <figure class="chart">
      <div class="chart-head">
        <strong>{view.title}</strong>
        {view.ranges && (
          <span class="ranges">
            {view.ranges.map(({ label, href, current }) => (
              <a key={href} href={href} aria-current={current ? 'true' : undefined}>
                {label}
              </a>
            ))}
          </span>
        )}
      </div>
      {moments.size < 2 ? (
        <p class="empty">{moments.size === 0 ? view.empty : `So far: ${lastValues(view)}.`}</p>
      ) : (
        <>
          <Island name="chart" props={drawn}>
            <ChartDrawing view={drawn} at={undefined} />
          </Island>
          <ChartTable view={drawn} />
        </>
      )}
    </figure>
  );
}

function thin(series: ChartSeries, columns: number): ChartSeries {
  const { band } = series;
  return {
    ...series,
    points: decimate(series.points, columns),
    ...(band ? { band: { ...band, points: decimate(band.points, columns) } } : {}),
  };
}

/** The drawing alone, with a line at the moment that is looked at. */
export function ChartDrawing({
  view,
  at,
}: {
  readonly view: ChartView;
  readonly at: number | undefined;
}) {
  const scale = chartScale(view);
  const { x, y, from, until, steps } = scale;
  const bottom = y(0);
  return (
    <svg viewBox={`0 0 ${CHART_WIDTH} ${HEIGHT}`} role="img" aria-label={summaryOf(view)}>
      {steps.map((step) => (
        <g key={step}>
          <line class="axis" x1={LEFT} x2={CHART_WIDTH - RIGHT} y1={y(step)} y2={y(step)} />
          {step > 0 && (
            <text x={LEFT} y={y(step) - 4}>
              {showValue(step, view.unit)}
            </text>
          )}
        </g>
      ))}
      <text x={LEFT} y={HEIGHT - 6}>
        {edgeText(from, until)}
      </text>
      <text x={CHART_WIDTH - RIGHT} y={HEIGHT - 6} text-anchor="end">
        {edgeText(until, from)}
      </text>
      {view.series.map(({ name, band, points }) => (
        <g key={name}>{band && <path class="band" d={bandPath(points, band.points, scale)} />}</g>
      ))}
      {view.series.map(({ name, role, points }) => {
        const last = points.findLast(([, value]) => value !== null);
        return (
          <g key={name}>
            <path class={role} d={linePath(points, scale)} />
            {lonely(points).map(([moment, value]) => (
              <circle key={moment} class={role} cx={x(moment)} cy={y(value)} r={2.5} />
            ))}
            {last && (
              <text class={role} x={CHART_WIDTH - RIGHT + 8} y={y(last[1] as number) + 4}>
                {name}
              </text>
            )}
          </g>
        );
      })}
      {at !== undefined && <line class="cursor" x1={x(at)} x2={x(at)} y1={TOP} y2={bottom} />}
    </svg>
  );
}

/** From moments and values to places in the drawing, and back. */
export function chartScale({ series }: ChartView) {
  let [from, until, top] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const { points, band } of series) {
    for (const [moment, value] of [...points, ...(band?.points ?? [])]) {
      if (moment < from) from = moment;
      if (moment > until) until = moment;
      if (value !== null && value > top) top = value;
    }
  }
  const steps = ticks(top, 3);
  const highest = steps.at(-1) as number;
  const [width, height] = [CHART_WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
  const span = until - from || 1;
  return {
    from,
    until,
    steps,
    x: (moment: number) => round(LEFT + ((moment - from) / span) * width),
    y: (value: number) => round(TOP + height - (value / highest) * height),
    /** The moment at a share of the width of the drawing, from 0 to 1. */
    momentAt: (share: number) => from + ((share * CHART_WIDTH - LEFT) / width) * span,
  };
}

type Scale = ReturnType<typeof chartScale>;

function linePath(points: readonly Point[], { x, y }: Scale): string {
  let path = '';
  let isDown = false;
  for (const [moment, value] of points) {
    if (value === null) {
      isDown = false;
      continue;
    }
    path += `${isDown ? 'L' : 'M'}${x(moment)} ${y(value)}`;
    isDown = true;
  }
  return path;
}

/** Points without a neighbour: a line cannot show them. */
function lonely(points: readonly Point[]): readonly (readonly [number, number])[] {
  return points.flatMap(([moment, value], at) => {
    const isAlone =
      (points[at - 1]?.[1] ?? null) === null && (points[at + 1]?.[1] ?? null) === null;
    return value !== null && isAlone ? [[moment, value] as const] : [];
  });
}

function bandPath(low: readonly Point[], high: readonly Point[], scale: Scale): string {
  const up = high.filter(([, value]) => value !== null);
  const down = low.filter(([, value]) => value !== null).toReversed();
  if (up.length === 0 || down.length === 0) return '';
  return `${linePath([...up], scale)}${linePath(down, scale).replace('M', 'L')}Z`;
}

function ChartTable({ view: { series, unit, title } }: { readonly view: ChartView }) {
  const [first] = series;
  const rows = (first?.points ?? []).slice(-ROWS_MAX).toReversed();
  const byTime = series.map(({ points }) => new Map(points));
  return (
    <details>
      <summary>
        As a table<span class="visually-hidden">: {title}</span>
      </summary>
      <Scroll label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {series.map(({ name }) => (
                <th key={name} scope="col" class="figures">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([moment]) => (
              <tr key={moment}>
                <td>
                  <Time at={moment} />
                </td>
                {byTime.map((values, at) => {
                  const value = values.get(moment) ?? null;
                  return (
                    <td key={series[at]?.name} class="figures">
                      {value === null ? 'not measured' : showValue(value, unit)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

function summaryOf(view: ChartView): string {
  return `${view.title}. Last values: ${lastValues(view)}.`;
}

function lastValues({ series, unit }: ChartView): string {
  const parts = series.map(({ name, points }) => {
    const last = points.findLast(([, value]) => value !== null);
    return `${name} ${last ? showValue(last[1] as number, unit) : 'not measured'}`;
  });
  return parts.join(', ');
}

/** A clock time when the whole chart is within two days, else a date. */
function edgeText(moment: number, other: number): string {
  const isShort = Math.abs(moment - other) <= 2 * 86_400_000;
  return utcText(new Date(moment), isShort ? 'clock' : 'date');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
