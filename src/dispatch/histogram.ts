/**
 * Counts of whole numbers from 0 to 2^31 by size: four buckets to a doubling, so that a bucket is
 * wrong by a fifth at most. Adding to one costs a few instructions; sums of two are sums of buckets.
 */
export type Histogram = Int32Array;

const BUCKETS = 128;

export function newHistogram(): Histogram {
  return new Int32Array(BUCKETS);
}

/** Counts one value: a whole number from 0 to 2^31. */
export function addTo(histogram: Histogram, value: number): void {
  const bucket = bucketOf(value);
  histogram[bucket] = (histogram[bucket] as number) + 1;
}

/** Where a value is counted. 0 to 3 have buckets of their own; 0 stands for nothing known. */
export function bucketOf(value: number): number {
  if (value < 4) return Math.max(value, 0);
  const highest = 31 - Math.clz32(value);
  return (highest - 1) * 4 + ((value >>> (highest - 2)) & 3);
}

/** The least value of a bucket. */
export function leastOf(bucket: number): number {
  if (bucket < 4) return bucket;
  return (4 + (bucket & 3)) * 2 ** ((bucket >> 2) - 1);
}

/** The middle of the bucket in which so large a share of what was counted ends; undefined: nothing. */
export function quantile(counts: readonly number[], share: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let seen = 0;
  for (const [bucket, count] of counts.entries()) {
    seen += count;
    if (count > 0 && seen >= share * total) return (leastOf(bucket) + leastOf(bucket + 1)) / 2;
  }
  return undefined;
}
