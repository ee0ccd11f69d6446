import { eventually } from './eventually.ts';
import type { TestPool } from './start-pool.ts';

/** Bytes that segments and renditions occupy in the pool now. */
export async function memoryOf(pool: TestPool): Promise<number> {
  const text = await (await fetch(new URL('/metrics', pool.adminUrl))).text();
  const value = /^tributary_front_memory_bytes (\d+)$/m.exec(text)?.[1];
  if (value === undefined) throw new Error('the pool does not tell its memory');
  return Number(value);
}

/** Waits until nothing is left of what hostile requests brought in. */
export async function memoryReturns(pool: TestPool, bytes: number): Promise<void> {
  await eventually(`memory is back at ${bytes}`, async () => (await memoryOf(pool)) <= bytes);
}
