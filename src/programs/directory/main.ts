import { readFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { keccak256 } from '../../base/keccak.ts';
import { createLog } from '../../base/log.ts';
import { endWithParent } from '../../base/parent.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { openPlainRpc, type PlainRpc } from '../../chain/plain-rpc.ts';
import { startDirectory } from '../../directory/directory.ts';
import { openOutside } from '../../directory/fetch.ts';
import { readSeeds, type Seed } from '../../directory/seeds.ts';
import { openDirectoryStore } from '../../directory/store.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../proofs/node-signatures.ts';
import { recover } from '../../protocol/signature.ts';
import { serveDirectory } from './serve.ts';
import { directoryCommand } from './settings.ts';

/** `tributary directory`: looks at pools and serves what it saw, until SIGTERM or SIGINT. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const resolved = readSettings(directoryCommand, args, io);
  if (!resolved) return exitCode.ok;
  const { values } = resolved;
  const { seed, dataDir, rpc: url, controller, allowPrivate, every, httpAddr } = values;
  if (values.withParent) endWithParent();
  const signal = nextSignal();
  const log = createLog({ level: values.logLevel, program: 'directory' });
  const clock = systemClock;
  const seeds = await seedsIn(seed);
  // Asked once at the start, so that a wrong --rpc is said at once.
  const node = url === undefined ? undefined : await openPlainRpc(url, controller);
  await using started = new AsyncDisposableStack();
  const directory = await startDirectory({
    ...{ clock, log, seeds, allowPrivate, everyMs: every },
    store: await openDirectoryStore(dataDir),
    outside: openOutside(allowPrivate),
    tools: { hashing: nodeHashing, keccak256, recover, verifyEd25519: nodeVerifyEd25519 },
    rpc: node && (async (): Promise<PlainRpc> => node),
    chain: { rpc: url, controller },
  });
  started.defer(() => directory.close());
  const server = await serveDirectory(values, { directory, clock, log, chainId: node?.chainId });
  started.defer(() => server.close());
  const place = showHostPort({ host: httpAddr.host || '127.0.0.1', port: server.port });
  io.stdout.write(`READY http=http://${place} pools=${seeds.length}\n`);
  await signal;
  return exitCode.ok;
}

async function seedsIn(path: string): Promise<readonly Seed[]> {
  const source = await readFile(path, 'utf8').catch((cause) => {
    const text = `${path} cannot be read (${messageOf(cause)}).`;
    throw new TributaryError('input_missing', text, { cause });
  });
  const seeds = readSeeds(source);
  if (seeds.ok) return seeds.seeds;
  throw new TributaryError('setting_invalid', `${seeds.text}.`);
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    for (const signal of signals) process.once(signal, () => resolve(signal));
  });
}
