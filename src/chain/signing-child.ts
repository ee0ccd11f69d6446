import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Hex } from 'viem';
import type { Clock, Instant, Timer } from '../base/clock.ts';
import { type ErrorCode, errorAdvice, TributaryError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import type { Log } from '../base/log.ts';
import type { Metrics } from '../base/metrics.ts';
import { signerMetrics } from './metrics.ts';
import { connectSigner, type Signing } from './signing.ts';
import { type ContractPlace, showContractPlace } from './signing-contracts.ts';
import type { SigningRole } from './signing-wire.ts';

/** `sun_path` of Linux has 108 bytes with its end, that of macOS 104. */
const SOCKET_PATH_BYTES_MAX = 103;
/** Between two starts of a signer that ended; doubles from the first to the second. */
const RESTART_MS = 100;
const RESTART_MS_MAX = 10_000;
/** A signer that was up for so long did not end for a reason of its start. */
const SETTLED_MS = 60_000;
/** The signer of a pool that was killed needs a moment to notice. */
const PREDECESSOR_MS = 250;
const PREDECESSOR_TRIES = 40;
/** It has nothing to finish. */
const STOP_MS = 5_000;
/** Kept of what it says before it is ready, for the message when it fails. */
const WORDS_CHARACTERS_MAX = 4_000;
/** What it needs of our environment, which holds secrets that are none of its business. */
const HANDED_ON = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'NODE_COMPILE_CACHE'];
/** Questions without an answer, one after the other, after which a signer is taken for hung. */
const MISSED_MAX = 2;
/** A small heap, and no debugger at the wave of a signal. */
const NODE_FLAGS = ['--disable-sigusr1', '--max-semi-space-size=2'];
/** No core dump: the keys would be in it. */
const WRAPPER = 'ulimit -c 0; exec "$@"';

/** Where a key is, and what opens it. */
export interface SignerKey {
  /** A key file, or a directory of them. */
  readonly keystore: string;
  readonly passwordFile: string;
  /** Which account, where a directory holds several; lower case. */
  readonly account?: Hex | undefined;
}

/** How the signer of a program is started. */
export interface SignerOptions {
  /** The socket and the sums of the signer are in `signer/` below it. */
  readonly dataDir: string;
  /** On Arbitrum One the signer knows the contracts by itself. */
  readonly chain:
    | { readonly network: 'arbitrum-one' }
    | {
        readonly network: 'devnet';
        readonly chainId: number;
        readonly contracts: readonly ContractPlace[];
      };
  readonly main: SignerKey;
  /** Default: all roles that no further key has, but payouts. */
  readonly roles?: readonly SigningRole[];
  readonly redeemer?: SignerKey | undefined;
  readonly rewardCaller?: SignerKey | undefined;
  /** Without it no payouts are signed, unless `roles` names them. */
  readonly payout?: SignerKey | undefined;
  /** The on-chain orchestrator, when it is not the main account. */
  readonly orchestrator?: Hex | undefined;
  /** A TOML file with the limits, at its top or in `[signer]`: what `tributary signer --config` takes. */
  readonly policyFile?: string | undefined;
  /** Further settings, as `--max-fee`, `0.1`. */
  readonly settings?: readonly string[];
  /** Called for each start with the process id; for tests and for the curious. */
  readonly onStart?: (pid: number) => void;
}

/**
 * Starts `tributary signer` as a child with a Unix socket and connects to it. When it dies, or does
 * not answer any more, another one is started, and when we die it ends, however suddenly. `close`
 * ends it.
 *
 * @throws TributaryError with the code that the signer ended with, such as `password_wrong`,
 * `keystore_exposed` or `setting_invalid`; `signer_unreachable`
 */
export async function startSigner(
  options: SignerOptions,
  parts: {
    readonly clock: Clock;
    readonly log: Log;
    readonly metrics?: Metrics;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Promise<Signing> {
  const { clock, log } = parts;
  const home = join(options.dataDir, 'signer');
  await makeFolder(home, { mode: 0o700 });
  await chmod(home, 0o700);
  const place = await socketPlace(home);
  const args = argumentsOf(options, { home, socket: place.socket });
  let pauseMs = RESTART_MS;
  let closing = false;
  let restart: Timer | undefined;
  let current: Child | undefined;

  const launch = (): Child => {
    const child = startChild(args, parts);
    current = child;
    if (child.pid !== undefined) options.onStart?.(child.pid);
    return child;
  };
  const watch = (child: Child): void => {
    const startedAt = clock.now();
    void child.ended.then((end) => {
      if (closing) return;
      if (clock.now() - startedAt > SETTLED_MS) pauseMs = RESTART_MS;
      log.error('signer_ended', {
        ...(typeof end === 'number' ? { status: end } : { signal: end }),
        ...(child.failure() && { code: child.failure()?.code as string }),
      });
      restart = clock.after(pauseMs, () => watch(launch()));
      pauseMs = Math.min(2 * pauseMs, RESTART_MS_MAX);
    });
  };
  let missed = 0;
  const health = {
    answered() {
      missed = 0;
    },
    missed(askedAt: Instant) {
      const readyAt = current?.readyAt;
      // One that is starting cannot answer yet.
      missed = readyAt !== undefined && readyAt <= askedAt ? missed + 1 : 0;
      if (missed < MISSED_MAX) return;
      missed = 0;
      log.error('signer_hung');
      if (parts.metrics) signerMetrics(parts.metrics).replaced();
      current?.kill();
    },
  };
  const stop = async (): Promise<void> => {
    closing = true;
    restart?.cancel();
    await current?.stop(clock);
    await place.release();
  };

  try {
    watch(await firstChild(launch, clock));
    const signing = await connectSigner({ socket: place.socket }, { ...parts, health });
    return {
      ...signing,
      async close() {
        await signing.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until a signer is ready; one that finds its predecessor still there is tried again. */
async function firstChild(launch: () => Child, clock: Clock): Promise<Child> {
  for (let tries = 1; ; tries++) {
    const child = launch();
    if (await Promise.race([child.ready, child.ended.then(() => false)])) return child;
    await child.ended;
    const failure = child.failure();
    if (failure?.code !== 'signer_in_use' || tries === PREDECESSOR_TRIES) {
      throw failure ?? new TributaryError('signer_unreachable', 'The signer ended at its start.');
    }
    await new Promise<void>((resolve) => clock.after(PREDECESSOR_MS, resolve));
  }
}

interface Child {
  readonly pid: number | undefined;
  /** Resolves with true once it listens. */
  readonly ready: Promise<boolean>;
  /** When it began to listen. */
  readonly readyAt: Instant | undefined;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it said before it ended without being ready. */
  failure(): TributaryError | undefined;
  /** SIGKILL: also what hangs ends. */
  kill(): void;
  stop(clock: Clock): Promise<void>;
}

function startChild(
  args: readonly string[],
  parts: { readonly clock: Clock; readonly env: Readonly<Record<string, string | undefined>> },
) {
  const { env } = parts;
  const program = fileURLToPath(new URL('../cli.ts', import.meta.url));
  const command = [process.execPath, ...NODE_FLAGS, program, 'signer', ...args];
  const child = spawn('/bin/sh', ['-c', WRAPPER, 'sh', ...command], {
    env: Object.fromEntries(HANDED_ON.map((name) => [name, env[name]])),
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches us alone, and the signer is needed until we have drained.
    detached: true,
  });
  // Its end is noticed by `exit`, also that of a child that could not be started.
  child.stdin.on('error', () => {});
  return watchChild(child, parts.clock);
}

function watchChild(child: ChildProcess, clock: Clock): Child {
  const ready = Promise.withResolvers<boolean>();
  let readyAt: Instant | undefined;
  let words = '';
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('error', () => resolve(-1));
    // `close`, not `exit`: then everything that it said is here.
    child.once('close', (code, signal) => resolve(signal ?? code ?? -1));
  });
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('READY ')) return;
      readyAt = clock.now();
      process.stderr.write(words);
      ready.resolve(true);
    });
  }
  // Lines of its log, and what it says when it fails: both hold no secret.
  child.stderr?.on('data', (chunk: Buffer) => {
    if (readyAt !== undefined) process.stderr.write(chunk);
    else words = `${words}${chunk}`.slice(-WORDS_CHARACTERS_MAX);
  });
  return {
    pid: child.pid,
    ready: ready.promise,
    ended,
    get readyAt() {
      return readyAt;
    },
    failure: () => (readyAt !== undefined ? undefined : failureIn(words)),
    kill: () => void child.kill('SIGKILL'),
    async stop(clock) {
      child.stdin?.end();
      child.kill('SIGTERM');
      const timer = clock.after(STOP_MS, () => child.kill('SIGKILL'));
      await ended;
      timer.cancel();
    },
  };
}

/** The error in what cli.ts printed: its text, then the advice, whose last word is its code. */
function failureIn(words: string): TributaryError | undefined {
  const said = words.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  const [, code] = /\(([a-z_]+)\)$/.exec(said.at(-1) ?? '') ?? [];
  if (code === undefined || !Object.hasOwn(errorAdvice, code)) return undefined;
  const known = code as ErrorCode;
  const advice = errorAdvice[known].slice(0, ADVICE_START);
  const start = said.findIndex((line) => advice.startsWith(line.slice(0, ADVICE_START)));
  return new TributaryError(known, said.slice(0, start === -1 ? 1 : start).join('\n'));
}
/** Enough of an advice to tell it from the text before it, and less than a line that is wrapped. */
const ADVICE_START = 20;

async function socketPlace(home: string) {
  const socket = join(home, 'signer.sock');
  if (Buffer.byteLength(socket) <= SOCKET_PATH_BYTES_MAX) {
    return { socket, release: async () => {} };
  }
  const dir = await mkdtemp(join(tmpdir(), 'tributary-'));
  return {
    socket: join(dir, 'signer.sock'),
    release: () => rm(dir, { recursive: true, force: true }),
  };
}

function argumentsOf(
  options: SignerOptions,
  { home, socket }: { readonly home: string; readonly socket: string },
): string[] {
  const { chain, main, orchestrator, roles, policyFile } = options;
  const args = ['--with-parent', '--socket', socket, '--state-file', join(home, 'sums.sqlite')];
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') args.push(name, value);
  };
  const addKey = (prefix: string, key: SignerKey | undefined) => {
    add(`--${prefix}keystore`, key?.keystore);
    add(`--${prefix}password-file`, key?.passwordFile);
    add(`--${prefix}account`, key?.account);
  };
  add('--network', chain.network);
  if (chain.network === 'devnet') {
    add('--chain-id', `${chain.chainId}`);
    add('--contracts', chain.contracts.map(showContractPlace).join(','));
  }
  addKey('', main);
  add('--roles', roles?.join(','));
  addKey('redeemer-', options.redeemer);
  addKey('reward-caller-', options.rewardCaller);
  addKey('payout-', options.payout);
  add('--orchestrator', orchestrator);
  add('--config', policyFile);
  return [...args, ...(options.settings ?? [])];
}
