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
  /** The two greatest of the recent ones. */
  first: number;
  second: number;
  /** Mean output pixels per media second of what was measured; 0 when unknown. */
  load: number;
  readonly recent: number[];
}

export function createSpeed(): SpeedRecord {
  return { samples: 0, mean: 0, p95: 0, first: 0, second: 0, load: 0, recent: [] };
}

export function addSample(speed: SpeedRecord, ratio: number, load: number): void {
  remember(speed, ratio);
  speed.mean = speed.samples === 0 ? ratio : speed.mean + NEWEST * (ratio - speed.mean);
  if (load > 0) speed.load = speed.load === 0 ? load : speed.load + NEWEST * (load - speed.load);
  speed.samples++;
  // Of up to 39 values the 95th percentile is the greatest or, from 20 on, the second greatest.
  speed.p95 = speed.recent.length < 20 ? speed.first : speed.second;
}

/** Looks at all that is remembered only when one of the two greatest was forgotten. */
function remember(speed: SpeedRecord, ratio: number): void {
  const { recent } = speed;
  if (recent.length < SAMPLES_MAX) {
    recent.push(ratio);
    rank(speed, ratio);
    return;
  }
  const place = speed.samples % SAMPLES_MAX;
  const forgotten = recent[place] as number;
  if (forgotten === ratio) return;
  recent[place] = ratio;
  if (forgotten < speed.second) {
    rank(speed, ratio);
    return;
  }
  speed.first = 0;
  speed.second = 0;
  for (const value of recent) rank(speed, value);
}

function rank(speed: SpeedRecord, value: number): void {
  if (value > speed.first) {
    speed.second = speed.first;
    speed.first = value;
  } else if (value > speed.second) speed.second = value;
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
