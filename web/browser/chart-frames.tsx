import { render } from 'preact';
import { ChartDrawing, type ChartView, COLUMNS } from '../parts/chart.tsx';
import { decimate, type Point } from '../parts/decimate.ts';

// Of no page: bench/pages.ts puts it into an empty one, to see what a chart of many points costs.

/** What one frame took, in milliseconds: thinning the points, and drawing them. */
export interface ChartFrame {
  readonly thinMs: number;
  readonly drawMs: number;
  /** Since the frame before, as the browser showed them. */
  readonly sinceMs: number;
}

/** Pans and zooms over a line of `count` points, a view a frame; with 0 it draws nothing: the floor. */
async function chartFrames(count: number, frames: number): Promise<readonly ChartFrame[]> {
  const points = Array.from({ length: count }, (_, at): Point => {
    const isGap = at % 9_973 < 40;
    return [at * 1_000, isGap ? null : 100 + 60 * Math.sin(at / 700) + (at % 37)];
  });
  const place = document.body.appendChild(document.createElement('div'));
  const shown: ChartFrame[] = [];
  let before = await nextFrame();
  for (let frame = 0; frame < frames; frame += 1) {
    // From all of it down to a tenth and back, while it moves along.
    const share = 0.55 + 0.45 * Math.cos((2 * Math.PI * frame) / frames);
    const size = Math.floor(count * share);
    const from = Math.floor(((count - size) * frame) / frames);
    const start = performance.now();
    const kept = decimate(points.slice(from, from + size), COLUMNS);
    const thinned = performance.now();
    if (count > 0) render(<ChartDrawing view={viewOf(kept)} />, place);
    const drawn = performance.now();
    const now = await nextFrame();
    shown.push({ thinMs: thinned - start, drawMs: drawn - thinned, sinceMs: now - before });
    before = now;
  }
  place.remove();
  return shown;
}

function viewOf(points: readonly Point[]): ChartView {
  return {
    title: 'Many points',
    unit: 'ms',
    series: [{ name: 'p50', role: 'ours', points, band: { name: 'p95', points } }],
    empty: '',
  };
}

function nextFrame(): Promise<number> {
  return new Promise((resolve) => requestAnimationFrame(resolve));
}

Object.assign(globalThis, { chartFrames });
