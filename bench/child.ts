import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** So long may a program take until its READY line; a first start makes a database. */
const START_MS = 60_000;
/** After SIGTERM; then it is killed. */
const STOP_MS = 10_000;

const root = new URL('..', import.meta.url).pathname;

/** A program of ours as a process of its own. */
export interface Child {
  readonly pid: number;
  /** What followed READY. */
  readonly ready: string;
  /** Sends a message, and returns the next that comes. */
  ask(message: object): Promise<unknown>;
  stop(): Promise<void>;
}

/** A pool as a process of its own, with a data directory that goes when it stops. */
export interface PoolChild extends Child {
  readonly port: number;
  /** Where its pages are, if they are served. */
  readonly publicUrl: string;
  /** Enrols workers and returns their credentials. */
  enrol(count: number): Promise<string[]>;
  /** The value of a metric as `/metrics` shows it, by its line up to the blank. */
  metric(line: string): Promise<number>;
}

/** Starts `bin/tributary pool` on loopback, or the same with other options of Node than its own. */
export async function startPoolChild(
  options: {
    readonly flags?: readonly string[];
    readonly nodeFlags?: string | undefined;
    /** Serves the public address, too. */
    readonly pages?: boolean;
  } = {},
): Promise<PoolChild> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tributary-bench-'));
  const args = [
    'pool',
    `--data-dir=${dataDir}`,
    '--service-addr=127.0.0.1:0',
    '--listen=127.0.0.1:0',
    '--admin-addr=127.0.0.1:0',
    `--http-addr=${options.pages ? '127.0.0.1:0' : 'off'}`,
    '--log-level=warn',
    ...(options.flags ?? []),
  ];
  const { nodeFlags } = options;
  const child = await (nodeFlags === undefined
    ? startChild(join(root, 'bin/tributary'), args)
    : startChild(process.execPath, [
        ...nodeFlags.split(' ').filter(Boolean),
        join(root, 'src/cli.ts'),
        ...args,
      ]));
  const [, port, admin, publicUrl = ''] =
    /service=https:\/\/[^:]+:(\d+) admin=(\S+)(?: http=(\S+))?/.exec(child.ready) ?? [];
  const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
  let enrolled = 0;

  const enrol = async () => {
    const response = await fetch(new URL('/api/v1/workers', admin), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: `bench-${++enrolled}` }),
    });
    if (!response.ok) throw new Error(`a worker cannot be enrolled: ${await response.text()}`);
    return ((await response.json()) as { credential: string }).credential;
  };

  return {
    ...child,
    port: Number(port),
    publicUrl,
    async enrol(count) {
      const credentials: string[] = [];
      while (credentials.length < count) credentials.push(await enrol());
      return credentials;
    },
    async metric(line) {
      const text = await (await fetch(new URL('/metrics', admin))).text();
      const found = text.split('\n').find((other) => other.startsWith(`${line} `));
      return Number(found?.slice(line.length + 1) ?? Number.NaN);
    },
    async stop() {
      await child.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Starts a module of this folder that prints READY once it serves. */
export function startModule(name: string, args: readonly string[] = []): Promise<Child> {
  return startChild(process.execPath, [join(root, 'bench', name), ...args]);
}

async function startChild(file: string, args: readonly string[]): Promise<Child> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  child.channel?.unref();
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  return {
    pid: child.pid as number,
    ready: await readyLine(child),
    ask: (message) =>
      new Promise((resolve, reject) => {
        const ended = () => reject(new Error('a program ended instead of answering'));
        child.once('exit', ended);
        child.once('message', (answer) => {
          child.off('exit', ended);
          resolve(answer);
        });
        child.send(message);
      }),
    stop: () =>
      new Promise((resolve) => {
        process.off('exit', killed);
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        const late = setTimeout(killed, STOP_MS);
        child.once('exit', () => {
          clearTimeout(late);
          resolve();
        });
        child.kill('SIGTERM');
      }),
  };
}

function readyLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('a program did not get ready')), START_MS);
    child.once('exit', (code) => reject(new Error(`a program ended with ${code}`)));
    if (!child.stdout) throw new Error('the program has no output');
    createInterface(child.stdout).on('line', (line) => {
      if (!line.startsWith('READY')) return;
      clearTimeout(late);
      resolve(line.slice('READY '.length));
    });
  });
}
