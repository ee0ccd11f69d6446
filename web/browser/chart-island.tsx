import { render } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { ChartDrawing, type ChartView, chartScale } from '../parts/chart.tsx';
import { showValue } from '../parts/chart-format.ts';
import { nearestPoint } from '../parts/decimate.ts';
import type { TimeDetail } from '../parts/time.tsx';
import type { Wake } from './islands.ts';
import { localText } from './local-times.ts';

/** Values under the pointer, a finger or the arrow keys, in words below the drawing. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<LiveChart view={props as ChartView} />, element);
};

function LiveChart({ view }: { readonly view: ChartView }) {
  const [index, setIndex] = useState<number | undefined>();
  const box = useRef<HTMLDivElement>(null);
  const scale = useMemo(() => chartScale(view), [view]);
  // Only the cursor moves with the pointer: what was drawn stays as it is, however many points it has.
  const drawing = useMemo(() => <ChartDrawing view={view} edge={localEdge} />, [view]);
  const points = view.series[0]?.points ?? [];
  const at = index === undefined ? undefined : points[index]?.[0];

  const point = (event: PointerEvent) => {
    const place = box.current?.querySelector('.chart-plot')?.getBoundingClientRect();
    if (!place) return;
    setIndex(nearestPoint(points, scale.momentAt((event.clientX - place.left) / place.width)));
  };
  const key = (event: KeyboardEvent) => {
    const last = points.length - 1;
    const step = event.shiftKey ? Math.max(1, Math.round(last / 20)) : 1;
    const now = index ?? last;
    const to = { ArrowLeft: now - step, ArrowRight: now + step, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setIndex(Math.max(0, Math.min(last, to)));
  };
  return (
    <>
      <div
        ref={box}
        class="chart-box"
        role="slider"
        tabIndex={0}
        aria-label={`${view.title}: point`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, points.length - 1)}
        aria-valuenow={index ?? Math.max(0, points.length - 1)}
        aria-valuetext={readout(view, at ?? points.at(-1)?.[0])}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setIndex(undefined)}
        onKeyDown={key}
      >
        {drawing}
        {at !== undefined && (
          <svg class="cursor-layer" aria-hidden="true">
            <line
              class="cursor"
              x1={`${scale.percentAt(at)}%`}
              x2={`${scale.percentAt(at)}%`}
              y1="24"
              y2="176"
            />
          </svg>
        )}
      </div>
      <p class="chart-readout">{at === undefined ? ' ' : readout(view, at)}</p>
    </>
  );
}

function localEdge(moment: number, detail: TimeDetail): string {
  return localText(new Date(moment), detail);
}

function readout({ series, unit }: ChartView, at: number | undefined): string {
  if (at === undefined) return 'no values';
  const values = series.map(({ name, points }) => {
    const value = points[nearestPoint(points, at)]?.[1] ?? null;
    return `${name} ${value === null ? 'not measured' : showValue(value, unit)}`;
  });
  return `${localText(new Date(at), 'full')}: ${values.join(', ')}`;
}
