import type { VideoInspection } from './inspection.ts';

/** Start, span and rate of presentation times in any order, some of which may be NaN. */
export function timing(
  times: readonly number[],
  timescale: number,
  origin: number,
): Pick<VideoInspection, 'startMs' | 'spanMs' | 'fps'> {
  const sorted = Float64Array.from(times.filter((time) => !Number.isNaN(time))).sort();
  const first = sorted[0];
  const last = sorted[sorted.length - 1];
  if (first === undefined || last === undefined) return { startMs: 0, spanMs: 0, fps: 0 };
  const steps = sorted.slice(1).map((time, index) => time - (sorted[index] as number));
  const usual = steps.filter((step) => step > 0).sort();
  const median = usual[usual.length >> 1] ?? 0;
  // Packets that hold several frames give their time to each; the last one lasts for all of its.
  const behind = sorted.filter((time) => time === last).length;
  const perPacket = sorted.length > 1 ? (steps.length + 1) / (usual.length + 1) : 1;
  const frameTicks = median / perPacket;
  const span = last - first + frameTicks * behind;
  return {
    startMs: ((first - origin) * 1000) / timescale,
    spanMs: (span * 1000) / timescale,
    fps: frameTicks > 0 ? timescale / frameTicks : 0,
  };
}
