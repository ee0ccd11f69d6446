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
  const sorted = Float64Array.from(recent).sort();
  speed.p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] as number;
}

/**
 * Time that 95 of 100 jobs of this length and load take here at most; undefined while the record is
 * short. A ladder heavier than the usual one takes longer, a lighter one is not promised to be
 * faster.
 */
export function expectedMs(
  speed: SpeedRecord,
  job: { readonly durationMs: number; readonly load: number },
): number | undefined {
  if (speed.samples < SAMPLES_TRUSTED) return undefined;
  const heavier = speed.load > 0 && job.load > speed.load ? job.load / speed.load : 1;
  return speed.p95 * job.durationMs * heavier;
}
