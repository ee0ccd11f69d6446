/** Results remembered per worker: enough for a 95th percentile, little enough to forget a bad day. */
const SAMPLES_MAX = 32;
/** Results before the record is believed. */
export const SAMPLES_TRUSTED = 8;
/** Weight of the newest result in the means. */
const NEWEST = 0.15;

/** How fast a worker answers: time from task to judged result over media time. */
export interface SpeedRecord {
  samples: number;
  mean: number;
  p95: number;
  /** Mean output pixels per media second of what was measured; 0 when unknown. */
  load: number;
  readonly recent: number[];
}

export function createSpeed(): SpeedRecord {
  return { samples: 0, mean: 0, p95: 0, load: 0, recent: [] };
}

export function addSample(speed: SpeedRecord, ratio: number, load: number): void {
  const { recent } = speed;
  if (recent.length < SAMPLES_MAX) recent.push(ratio);
  else recent[speed.samples % SAMPLES_MAX] = ratio;
  speed.mean = speed.samples === 0 ? ratio : speed.mean + NEWEST * (ratio - speed.mean);
  if (load > 0) speed.load = speed.load === 0 ? load : speed.load + NEWEST * (load - speed.load);
  speed.samples++;
  speed.p95 = percentile95(recent);
}

/** Of up to 39 values the 95th percentile is the greatest or, from 20 on, the second greatest. */
function percentile95(values: readonly number[]): number {
  let first = 0;
  let second = 0;
  for (const value of values) {
    if (value > first) {
      second = first;
      first = value;
    } else if (value > second) second = value;
  }
  return values.length < 20 ? first : second;
}

/**
 * Time that 95 of 100 jobs of this length and load take at most. A ladder heavier than the usual one
 * takes longer; a lighter one is not promised to be faster.
 */
export function expectedMs(
  p95: number,
  usualLoad: number,
  job: { readonly durationMs: number; readonly load: number },
): number {
  const heavier = usualLoad > 0 && job.load > usualLoad ? job.load / usualLoad : 1;
  return p95 * job.durationMs * heavier;
}
