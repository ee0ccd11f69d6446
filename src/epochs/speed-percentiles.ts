/** What a worker did with the time for which it had tasks. */
interface Pace {
  readonly worker: string;
  readonly sourceMs: bigint;
  readonly deviceMs: bigint;
}

/**
 * How fast each worker was beside the others of the epoch: the share of them, in whole percent
 * rounded down, that turned less source into results for the time that they had it. The fastest has
 * 100, and so has one that was alone; those that are equally fast have the same. Who did nothing has
 * no speed.
 */
export function speedPercentiles(workers: readonly Pace[]): ReadonlyMap<string, number> {
  const paced = workers.filter(({ sourceMs, deviceMs }) => sourceMs > 0n && deviceMs > 0n);
  const sorted = paced.toSorted(compare);
  const found = new Map<string, number>();
  let slower = 0;
  for (const [index, worker] of sorted.entries()) {
    const before = sorted[index - 1];
    if (before && compare(before, worker) !== 0) slower = index;
    const others = sorted.length - 1;
    found.set(worker.worker, others === 0 ? 100 : Math.floor((slower * 100) / others));
  }
  return found;
}

/** Exact: both fractions brought to one denominator. */
function compare(a: Pace, b: Pace): number {
  const [left, right] = [a.sourceMs * b.deviceMs, b.sourceMs * a.deviceMs];
  return left < right ? -1 : left > right ? 1 : 0;
}
