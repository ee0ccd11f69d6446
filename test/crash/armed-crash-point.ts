import { writeSync } from 'node:fs';
import type { CrashPoint } from '../../src/base/crash-point.ts';

// Not a setting of the program, which must not know it.
const at = process.env.TRIBUTARY_CRASH_AT ?? '';
const [name, nth = '1'] = at.split(':');
let passings = 0;

/**
 * Kills the process with SIGKILL at the nth passing of the point in `TRIBUTARY_CRASH_AT=point[:nth]`:
 * no handler runs, nothing is flushed, and it never returns.
 */
export function crashPoint(point: CrashPoint): void {
  if (point !== name) return;
  passings += 1;
  if (passings !== Number(nth)) return;
  writeSync(2, `crashed at ${at}\n`);
  process.kill(process.pid, 'SIGKILL');
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
