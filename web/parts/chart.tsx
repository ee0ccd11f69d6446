import { type ChartUnit, showValue } from './chart-format.ts';
import { decimate, type Point, ticks } from './decimate.ts';
import { Island } from './island.tsx';
import { Scroll } from './scroll.tsx';
import { Time, type TimeDetail, utcText } from './time.tsx';

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
  /** Shown instead when every value is zero: a line at the foot says less. */
  readonly zero?: string;
}

/** Columns of which the peaks are drawn: on a wide page two pixels each, and no more work than that. */
export const COLUMNS = 480;
/** The drawing of the lines: stretched to the width that there is, at its true height. */
const WIDTH = 1_000;
const HEIGHT = 200;
const TOP = 24;
const BOTTOM = 24;
/** Labels at two lines that end close together stand this far apart. */
const LABEL_STEP = 14;
/** Rows of the table: the rest is in the CSV. */
const ROWS_MAX = 200;

/**
 * A chart with its table beneath: SVG, zero-based, labels at the line, values under the pointer or
 * the arrow keys. Any number of points: only as many are drawn as there are pixels.
 */
export function Chart({ view }: { readonly view: ChartView }) {
  const drawn = { ...view, series: view.series.map((one) => thin(one, COLUMNS)) };
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
      {moments.size > 1 && view.zero !== undefined && isZero(view) ? (
        <p class="empty">{view.zero}</p>
      ) : moments.size < 2 ? (
        <p class="empty">{moments.size === 0 ? view.empty : `So far: ${lastValues(view)}.`}</p>
      ) : (
        <>
          <Island name="chart" props={drawn}>
            <ChartDrawing view={drawn} />
          </Island>
          <ChartTable view={drawn} />
        </>
      )}
    </figure>
  );
}

function isZero({ series }: ChartView): boolean {
  const all = series.flatMap(({ points, band }) => [...points, ...(band?.points ?? [])]);
  return all.every(([, value]) => value === null || value === 0);
}

function thin(series: ChartSeries, columns: number): ChartSeries {
  const { band } = series;
  return {
    ...series,
    points: decimate(series.points, columns),
    ...(band ? { band: { ...band, points: decimate(band.points, columns) } } : {}),
  };
}

/** How a moment at an edge is written. */
type EdgeText = (moment: number, detail: TimeDetail) => string;

/**
 * The drawing alone. Lines are stretched to the width of the page and text is not, so that it is as
 * large on a phone as on a desk; labels of values stand above their lines, names where lines end.
 */
export function ChartDrawing({
  view,
  edge = (moment, detail) => utcText(new Date(moment), detail),
}: {
  readonly view: ChartView;
  /** In UTC where it is left out. */
  readonly edge?: EdgeText;
}) {
  const scale = chartScale(view);
  const { x, y, from, until, steps } = scale;
  const [first, last] = edgeDetails(until - from);
  return (
    <div class="chart-drawing" role="img" aria-label={summaryOf(view)}>
      <div class="chart-plot">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {steps.map((step) => (
            <line key={step} class="axis" x1={0} x2={WIDTH} y1={y(step)} y2={y(step)} />
          ))}
          {view.series.map(
            ({ name, band, points }) =>
              band && <path key={name} class="band" d={bandPath(points, band.points, scale)} />,
          )}
          {view.series.map(({ name, role, points }) => (
            <path key={name} class={role} d={linePath(points, scale)} />
          ))}
        </svg>
        <svg class="labels" aria-hidden="true">
          {view.series.flatMap(({ name, role, points }) =>
            lonely(points).map(([moment, value]) => (
              <circle
                key={`${name}${moment}`}
                class={role}
                cx={`${x(moment) / 10}%`}
                cy={y(value)}
                r={2.5}
              />
            )),
          )}
          {steps.map(
            (step) =>
              step > 0 && (
                <text key={step} x={0} y={y(step) - 4}>
                  {showValue(step, view.unit)}
                </text>
              ),
          )}
          <text x={0} y={HEIGHT - 6}>
            {edge(from, first)}
          </text>
          <text x="100%" y={HEIGHT - 6} text-anchor="end">
            {edge(until, last)}
          </text>
        </svg>
      </div>
      <svg class="names" aria-hidden="true">
        {namesAt(view, y).map(({ name, role, at }) => (
          <text key={name} class={role} x={0} y={at}>
            {name}
          </text>
        ))}
      </svg>
    </div>
  );
}

/** The name of each line where it ends, none on top of another. */
function namesAt({ series }: ChartView, y: (value: number) => number) {
  const names = series
    .flatMap(({ name, role, points }) => {
      const last = points.findLast(([, value]) => value !== null);
      return last ? [{ name, role, at: y(last[1] as number) + 4 }] : [];
    })
    .sort((a, b) => a.at - b.at);
  // From the lowest up, since below the last line there is the axis.
  let below = Number.POSITIVE_INFINITY;
  return names
    .toReversed()
    .map(({ at, ...rest }) => {
      below = Math.min(at, below - LABEL_STEP);
      return { ...rest, at: below };
    })
    .toReversed();
}

/** From moments and values to places in the drawing, and back. */
export function chartScale({ series, unit }: ChartView) {
  let [from, until, top] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const { points, band } of series) {
    for (const [moment, value] of [...points, ...(band?.points ?? [])]) {
      if (moment < from) from = moment;
      if (moment > until) until = moment;
      if (value !== null && value > top) top = value;
    }
  }
  const steps = ticks(top, 3, unit === 'count');
  const highest = steps.at(-1) as number;
  const height = HEIGHT - TOP - BOTTOM;
  const span = until - from || 1;
  return {
    from,
    until,
    steps,
    x: (moment: number) => round(((moment - from) / span) * WIDTH),
    y: (value: number) => round(TOP + height - (value / highest) * height),
    /** The moment at a share of the width of the plot, from 0 to 1. */
    momentAt: (share: number) => from + share * span,
    /** The other way round, in percent. */
    percentAt: (moment: number) => round((100 * (moment - from)) / span),
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

/** Clock times within a day, of which the first has its date when it may be yesterday's; else dates. */
function edgeDetails(spanMs: number): readonly [first: TimeDetail, last: TimeDetail] {
  if (spanMs > 2 * 86_400_000) return ['date', 'date'];
  return [spanMs > 12 * 3_600_000 ? 'full' : 'clock', 'clock'];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
