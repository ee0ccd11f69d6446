/** A moment in milliseconds since 1970, and a value; null where nothing was measured. */
export type Point = readonly [at: number, value: number | null];

/**
 * As few points as draw the same line: of each of `columns` equal spans the first, the lowest, the
 * highest and the last, in their order, so that no peak is lost. A gap stays a gap. Points are in
 * the order of time; 100,000 take some milliseconds.
 */
export function decimate(points: readonly Point[], columns: number): readonly Point[] {
  if (points.length <= columns * 4) return points;
  const from = points[0]?.[0] ?? 0;
  const until = points.at(-1)?.[0] ?? 0;
  const span = (until - from) / columns || 1;
  const kept: Point[] = [];
  let start = 0;
  for (let column = 0; column < columns && start < points.length; column += 1) {
    const end = column === columns - 1 ? Number.POSITIVE_INFINITY : from + (column + 1) * span;
    let low = -1;
    let high = -1;
    let gap = -1;
    let at = start;
    for (; at < points.length && (points[at] as Point)[0] < end; at += 1) {
      const value = (points[at] as Point)[1];
      if (value === null) {
        if (gap < 0) gap = at;
        continue;
      }
      if (low < 0 || value < ((points[low] as Point)[1] as number)) low = at;
      if (high < 0 || value > ((points[high] as Point)[1] as number)) high = at;
    }
    if (at > start) {
      const wanted = new Set([start, low, high, gap, at - 1]);
      wanted.delete(-1);
      for (const index of [...wanted].sort((a, b) => a - b)) kept.push(points[index] as Point);
    }
    start = at;
  }
  return kept;
}

/** The point nearest to a moment that has a value, by its index; -1 of none. Points are in order. */
export function nearestPoint(points: readonly Point[], at: number): number {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((points[middle] as Point)[0] < at) low = middle + 1;
    else high = middle;
  }
  const before = low - 1;
  const isBefore =
    before >= 0 && at - (points[before] as Point)[0] < Math.abs((points[low]?.[0] ?? 0) - at);
  return points.length === 0 ? -1 : isBefore ? before : low;
}

/**
 * Round steps from 0 to at least `top`, at most `count` of them: 0, 20, 40, 60. With `whole` none lies
 * between two whole numbers: there is no half segment.
 */
export function ticks(top: number, count: number, whole = false): readonly number[] {
  if (!(top > 0)) return [0, 1];
  const rough = whole ? Math.max(1, top / count) : top / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10]
    .map((factor) => factor * power)
    .find((one) => one >= rough && (!whole || Number.isInteger(one)));
  const size = step ?? power * 10;
  return Array.from({ length: Math.ceil(top / size - 1e-9) + 1 }, (_, at) => at * size);
}
