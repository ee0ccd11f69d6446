import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cleanup } from './start-pool.ts';

const RECEIPTS = join(tmpdir(), `tributary-receipts-${process.pid}`);
const PROGRAM = join(import.meta.dirname, '../bin/tributary');

/** A `tributary` process of a test, killed when the test ends. */
export interface TributaryProcess {
  readonly child: ChildProcess;
  /** What it printed so far. */
  readonly printed: { out: string; err: string };
  /** Its exit code once it has ended and everything it printed is there; null after a signal. */
  readonly exited: Promise<number | null>;
  /** The first line of standard output that matches; rejects when it ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Runs `tributary ARGS`, ours or another one, with nothing of our own environment but PATH. */
export function startTributary(
  t: Cleanup,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  program: string = PROGRAM,
): TributaryProcess {
  // What a worker of a test is given belongs to no person.
  const receipts = args[0] === 'worker' ? { TRIBUTARY_RECEIPTS: RECEIPTS } : {};
  const child = spawn(program, args, {
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...receipts, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { out: '', err: '' };
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const look = () => {
    for (const wake of waiting) wake();
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    printed.out += `${line}\n`;
    lines.push(line);
    look();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    printed.err += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  t.after(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await exited;
    rmSync(RECEIPTS, { recursive: true, force: true });
  });
  return {
    child,
    printed,
    exited,
    async line(pattern) {
      const found = new Promise<RegExpExecArray>((resolve) => {
        const check = () => {
          const match = lines.map((line) => pattern.exec(line)).find((one) => one !== null);
          if (match) resolve(match);
        };
        waiting.add(check);
        check();
      });
      const match = await Promise.race([found, exited.then(() => undefined)]);
      if (!match) throw new Error(`no line ${pattern}: ${printed.out}${printed.err}`);
      return match;
    },
  };
}
