import { parentPort } from 'node:worker_threads';

/** Answers `sum` with the sum of what came before; `die` ends it. */
const sums = new Map<number, number>();
parentPort?.on('message', ({ id, add }: { id: number; add: number | 'sum' | 'die' }) => {
  if (add === 'die') throw new Error('as it was told');
  if (add === 'sum') parentPort?.postMessage({ id, sum: sums.get(id) ?? 0 });
  else sums.set(id, (sums.get(id) ?? 0) + add);
});
