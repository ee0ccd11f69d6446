import type { CrashPoint } from '../../src/base/crash-point.ts';

/** Puts the armed crash points into a program and all that it starts. A URL: it has no spaces. */
const ARM = new URL('./arm.ts', import.meta.url).href;

/** Where a process shall die: at a point, or at its nth passing. */
export type CrashAt = CrashPoint | `${CrashPoint}:${number}`;

/** The environment in which a process dies there. */
export function crashEnv(at: CrashAt): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${ARM}`, TRIBUTARY_CRASH_AT: at };
}

/** What the process wrote last if it died there, and not of anything else. */
export function crashedAt(at: CrashAt): string {
  return `crashed at ${at}\n`;
}
