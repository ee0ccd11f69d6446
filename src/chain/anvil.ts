import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TributaryError } from '../base/errors.ts';

/** Starting takes a tenth of a second; loading a large state file takes longer. */
const START_MS_MAX = 60_000;
/** Writing a state file takes a while; a chain that hangs is ended. */
const STOP_MS_MAX = 15_000;
/** As on Arbitrum, a block has room for everything; no more, since some clients ask for all of it. */
const BLOCK_GAS = 1_000_000_000;
/** Lines of output that explain why it ended. */
const LAST_LINES = 5;

/** How anvil starts. */
export interface AnvilOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Seconds between blocks; 0 makes a block for each transaction. */
  readonly blockTime: number;
  readonly chainId: number;
  readonly mnemonic: string;
  /** Loaded if it exists, written when the chain stops. */
  readonly stateFile?: string;
}

/** A running anvil. */
export interface Anvil {
  readonly url: string;
  readonly port: number;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts anvil on the loopback address and waits until it listens.
 *
 * @throws TributaryError `devnet_failed` when it is not installed or ends before it listens
 */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const { port, blockTime, chainId, mnemonic, stateFile } = options;
  // Anvil keeps old states on disk, gigabytes of a long chain, in the home folder unless told where.
  const oldStates = await mkdtemp(join(tmpdir(), 'tributary-chain-'));
  const args = [
    ...['--cache-path', oldStates],
    ...['--host', '127.0.0.1', '--port', `${port}`, '--chain-id', `${chainId}`],
    ...['--mnemonic', mnemonic, '--gas-limit', `${BLOCK_GAS}`],
    ...(blockTime > 0 ? ['--block-time', `${blockTime}`] : []),
    ...(stateFile === undefined ? [] : ['--state', stateFile]),
  ];
  const child = spawn('/bin/sh', ['-c', KEEPER, 'anvil', oldStates, anvilBinary(), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C reaches the program that started the chain, which then stops it in order.
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  void ended.then(() => child.stdin.destroy());
  const listening = await whenListening(child);
  return {
    url: `http://127.0.0.1:${listening}`,
    port: listening,
    ended,
    async stop() {
      child.stdin.destroy();
      const timer = setTimeout(() => killGroup(child), STOP_MS_MAX);
      await ended;
      clearTimeout(timer);
    },
  };
}

/**
 * Runs the chain until standard input closes: by `stop()`, or because the program that started it is
 * gone, however it ended. A chain that nobody knows of any more would keep its port. Then the old
 * states, in the folder of the first argument, are of no use.
 */
const KEEPER = `
exec 3<&0
old_states=$1
shift
"$@" 3<&- </dev/null &
chain=$!
(cat <&3 >/dev/null; kill "$chain") >/dev/null 2>&1 &
exec 3<&-
wait "$chain"
code=$?
rm -rf "$old_states"
exit "$code"
`;

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in this moment.
  }
}

/** The program itself, without the script around it and the second Node that runs it. */
function anvilBinary(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const name = process.platform === 'win32' ? 'anvil.exe' : 'anvil';
  const require = createRequire(import.meta.url);
  try {
    return require.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/${name}`);
  } catch (cause) {
    throw new TributaryError('devnet_failed', 'anvil is not installed for this platform.', {
      cause,
    });
  }
}

/** The port out of the line in which anvil says that it listens. */
async function whenListening(child: ChildProcess): Promise<number> {
  const last: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    const lines = createInterface({ input: stream });
    lines.on('line', (line) => {
      const match = /^Listening on .*:(\d+)$/.exec(line);
      if (match) resolve(Number(match[1]));
      if (line.trim() !== '') last.push(line.trim());
      if (last.length > LAST_LINES) last.shift();
    });
  }
  const failed = (why: string) =>
    reject(new TributaryError('devnet_failed', `anvil did not start: ${why}`));
  const timer = setTimeout(() => failed('it took too long.'), START_MS_MAX);
  child.once('error', (error) => failed(error.message));
  child.once('close', () => failed(last.join(' ')));
  try {
    return await promise;
  } catch (error) {
    killGroup(child);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
