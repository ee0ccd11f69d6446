import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';

/** Kept of what a child says on standard error, for the message when it fails. */
const LAST_LINES = 12;

/** What ends with the demo also when that is killed. */
export const WITH_PARENT = '--with-parent';

/** A process of the demo. */
export interface Child {
  readonly name: string;
  /** Calls `take` with every line of standard output from now on. */
  onLine(take: (line: string) => void): void;
  /** Resolves when standard output has ended. */
  readonly silent: Promise<void>;
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly running: boolean;
  /** The end of its standard error. */
  lastWords(): string;
  /** SIGKILL, as a power cut would: nothing of it says goodbye. */
  kill(): void;
  /** SIGTERM; after `graceMs` SIGKILL to it and whatever it started. */
  stop(graceMs: number): Promise<void>;
}

/** Starts and stops the processes of the demo. */
export interface Children {
  /** Runs `tributary ARGS`. Those that run for long need {@link WITH_PARENT} among them. */
  start(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Child;
  /** Ends everything, the last started first. */
  stopAll(): Promise<void>;
}

/**
 * @param options.program path of bin/tributary
 * @param options.env of the demo itself; its own settings are not handed down
 */
export function createChildren(options: {
  readonly program: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}): Children {
  const children: Child[] = [];
  const inherited = Object.fromEntries(
    Object.entries(options.env).filter(([name]) => !name.startsWith('TRIBUTARY_')),
  );
  // However this process ends, its children do not outlive it.
  const killAll = () => {
    for (const child of children) child.kill();
  };
  process.on('exit', killAll);

  return {
    start(name, args, env = {}) {
      const started = spawn(options.program, args, {
        env: { ...inherited, ...env },
        stdio: ['pipe', 'pipe', 'pipe'],
        // A group of its own: Ctrl-C reaches the demo alone, which stops the rest in order.
        detached: true,
      });
      const child = watch(name, started, options.clock);
      children.push(child);
      return child;
    },
    async stopAll() {
      for (const child of children.toReversed()) await child.stop(STOP_GRACE_MS);
      process.off('exit', killAll);
    },
  };
}
/** A pool that drains has at most one segment of 2 s to wait for, and then its database to close. */
const STOP_GRACE_MS = 15_000;

function watch(name: string, child: ChildProcess, clock: Clock): Child {
  const words: string[] = [];
  let ended = false;
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('error', (error) => {
      words.push(error.message);
      ended = true;
      resolve(-1);
    });
    child.once('exit', (code, signal) => {
      ended = true;
      resolve(signal ?? code ?? -1);
    });
  });
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      words.push(line);
      if (words.length > LAST_LINES) words.shift();
    });
  }
  const signalGroup = (signal: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // the group is gone already
    }
  };
  const silent = Promise.withResolvers<void>();
  // Read from the start: a child whose pipe is full stands still.
  const out = child.stdout && createInterface({ input: child.stdout });
  out?.on('line', () => {});
  out?.once('close', silent.resolve);
  return {
    name,
    onLine: (take) => void out?.on('line', take),
    silent: out ? silent.promise : Promise.resolve(),
    exited,
    get running() {
      return !ended;
    },
    lastWords: () => words.join('\n'),
    kill: () => signalGroup('SIGKILL'),
    async stop(graceMs) {
      if (!ended) child.kill('SIGTERM');
      const late = Promise.withResolvers<void>();
      const timer = clock.after(graceMs, late.resolve);
      await Promise.race([exited, late.promise]);
      timer.cancel();
      // Also when it ended by itself: what it started must not stay.
      signalGroup('SIGKILL');
      await exited;
    },
  };
}

/** The first line of a child that matches. Throws `demo_failed` when it ends without one. */
export async function lineOf(child: Child, pattern: RegExp): Promise<RegExpExecArray> {
  const found = new Promise<RegExpExecArray>((resolve) => {
    child.onLine((line) => {
      const match = pattern.exec(line);
      if (match) resolve(match);
    });
  });
  const match = await Promise.race([found, child.silent]);
  if (match) return match;
  throw await failureOf(child);
}

/** Why the demo cannot go on: a child ended that should not have. */
export async function failureOf(child: Child): Promise<TributaryError> {
  const end = await child.exited;
  const how = typeof end === 'number' ? `with exit code ${end}` : `by ${end}`;
  const words = child.lastWords();
  const said = words === '' ? 'It said nothing.' : `It said:\n${words}`;
  return new TributaryError('demo_failed', `The ${child.name} ended ${how}. ${said}`);
}

/** What a child that prints JSON said. Throws `demo_failed`. */
export async function answerOf<T>(schema: z.ZodType<T>, child: Child): Promise<T> {
  const parsed = schema.safeParse(await jsonOf(child));
  if ((await child.exited) !== 0) throw await failureOf(child);
  if (parsed.success) return parsed.data;
  throw new TributaryError('demo_failed', `The ${child.name} did not answer what was asked.`);
}

/** Standard output; undefined when that is no JSON. */
export async function jsonOf(child: Child): Promise<unknown> {
  const lines: string[] = [];
  child.onLine((line) => {
    lines.push(line);
  });
  await child.silent;
  try {
    return JSON.parse(lines.join('\n'));
  } catch {
    return undefined;
  }
}
