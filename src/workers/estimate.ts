import type { AssetId } from '../base/asset.ts';

/** What a worker earned in a week, and how. */
export interface WorkerWeek {
  readonly worker: string;
  /** As the operator called its hardware; undefined: nothing is known of it. */
  readonly gpuClass: string | undefined;
  /** The Monday at which it begins, in milliseconds. */
  readonly week: number;
  readonly onlineMs: number;
  /** Base units, by asset: what statements said, after commission and penalties. */
  readonly earned: Readonly<Record<AssetId, bigint>>;
}

/** Why nothing can be said. */
export type NoEstimate = 'no_such_class' | 'too_few_workers' | 'too_short';

/** What a worker of a class may earn in a week in which it is always there. */
export type Estimate =
  | {
      readonly ok: true;
      readonly gpuClass: string;
      /** By asset: the middle half of the weeks of comparable workers, and the middle one. */
      readonly perWeek: readonly {
        readonly asset: AssetId;
        readonly low: bigint;
        readonly middle: bigint;
        readonly high: bigint;
      }[];
      /** What it rests on. */
      readonly workers: number;
      readonly weeks: number;
      readonly sure: 'somewhat' | 'well';
      readonly text: string;
    }
  | { readonly ok: false; readonly reason: NoEstimate; readonly text: string };

const WEEK_MS = 7 * 86_400_000;
/** A worker that was there for less says more of chance than of its hardware. */
const ONLINE_SHARE_MIN = 0.2;
/** Two workers could be one machine; a week is one weather. */
const WORKERS_MIN = 2;
const WEEKS_MIN = 2;
/** From here on the middle half hardly moves with another week. */
const WORKERS_WELL = 5;
const WEEKS_WELL = 8;

/**
 * Estimates from what comparable workers really earned. A week counts by the time that the worker was
 * there, brought to a whole week; weeks in which it hardly was are left out. It says nothing where
 * there is too little to say it from.
 */
export function estimateEarnings(gpuClass: string, history: readonly WorkerWeek[]): Estimate {
  const same = history.filter((week) => sameClass(week.gpuClass, gpuClass));
  if (same.length === 0) {
    return {
      ok: false,
      reason: 'no_such_class',
      text: `No worker with ${gpuClass} has worked here yet, so nothing can be said.`,
    };
  }
  const weeks = same.filter(({ onlineMs }) => onlineMs >= WEEK_MS * ONLINE_SHARE_MIN);
  const workers = new Set(weeks.map(({ worker }) => worker)).size;
  const seen = new Set(weeks.map(({ week }) => week)).size;
  if (workers < WORKERS_MIN) {
    return {
      ok: false,
      reason: 'too_few_workers',
      text: `Only ${workers} ${workers === 1 ? 'worker' : 'workers'} with ${gpuClass} worked here for long enough; it takes ${WORKERS_MIN} to say something.`,
    };
  }
  if (seen < WEEKS_MIN) {
    return {
      ok: false,
      reason: 'too_short',
      text: `Workers with ${gpuClass} have worked here for ${seen} ${seen === 1 ? 'week' : 'weeks'}; it takes ${WEEKS_MIN} to say something.`,
    };
  }
  const assets = new Set(weeks.flatMap(({ earned }) => Object.keys(earned) as AssetId[]));
  const sure = workers >= WORKERS_WELL && seen >= WEEKS_WELL ? 'well' : 'somewhat';
  return {
    ok: true,
    gpuClass,
    perWeek: [...assets].sort().map((asset) => {
      const sorted = weeks.map((week) => wholeWeek(week, asset)).sort(byAmount);
      return {
        asset,
        low: at(sorted, 1n, 4n),
        middle: at(sorted, 1n, 2n),
        high: at(sorted, 3n, 4n),
      };
    }),
    workers,
    weeks: seen,
    sure,
    text: `From ${weeks.length} weeks of ${workers} workers over ${seen} weeks: half of them earned within this range.${sure === 'well' ? '' : ' That is little to go by.'}`,
  };
}

/** By the time that it was there: rounded down, and never more than it was multiplied by five. */
function wholeWeek({ earned, onlineMs }: WorkerWeek, asset: AssetId): bigint {
  const there = BigInt(Math.min(Math.max(1, Math.round(onlineMs)), WEEK_MS));
  return ((earned[asset] ?? 0n) * BigInt(WEEK_MS)) / there;
}

function sameClass(a: string | undefined, b: string): boolean {
  return a?.trim().toLowerCase() === b.trim().toLowerCase();
}

/** The value at a share of the way through the sorted ones. */
function at(sorted: readonly bigint[], numerator: bigint, denominator: bigint): bigint {
  const index = (BigInt(sorted.length - 1) * numerator) / denominator;
  return sorted[Number(index)] as bigint;
}

function byAmount(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
