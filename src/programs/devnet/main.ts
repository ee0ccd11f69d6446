import { access, constants, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { endWithParent } from '../../base/parent.ts';
import { createPaint, exitCode, type Io, type Paint, table } from '../../base/terminal.ts';
import { type Devnet, startDevnet } from '../../chain/devnet.ts';
import { keepRoundsInitialized } from '../../chain/devnet-rounds.ts';
import { devnetCommand } from './settings.ts';

/** A key in hex takes 66 columns: the one view of ours that 80 are too few for. */
const VIEW_WIDTH = 100;

/** `tributary devnet`: runs until a signal, or until the chain ends by itself. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(devnetCommand, args, io);
  if (!settings) return exitCode.ok;
  const { port, json, roundLength, blockTime, stateFile, initializeRounds } = settings.values;
  if (settings.values.withParent) endWithParent();
  if (stateFile !== undefined) await mustBeWritable(stateFile);
  const stop = stopOnSignal();
  try {
    const devnet = await startDevnet({
      port,
      roundLength,
      blockTime,
      ...(stateFile === undefined ? {} : { stateFile }),
    });
    const keeping = initializeRounds ? keepRounds(devnet, stop.signal) : undefined;
    try {
      if (json !== undefined) await writeJson(json, devnet);
      io.stdout.write(`${view(devnet, createPaint(io)).join('\n')}\n`);
      const why = await Promise.race([stop.asked, devnet.ended.then(() => 'ended' as const)]);
      if (why === 'ended') throw new TributaryError('devnet_failed', 'The chain ended by itself.');
    } finally {
      stop.close();
      await keeping;
      await devnet.stop();
    }
    return exitCode.ok;
  } finally {
    stop.close();
  }
}

async function keepRounds(devnet: Devnet, signal: AbortSignal): Promise<void> {
  const deployer = devnet.accounts.find(({ name }) => name === 'deployer');
  if (!deployer) return;
  const { url, addresses } = devnet;
  const account = privateKeyToAccount(deployer.privateKey);
  await keepRoundsInitialized({ url, roundsManager: addresses.RoundsManager }, account, signal);
}

/** The chain writes its state at the end: too late to hear that it is lost. */
async function mustBeWritable(stateFile: string): Promise<void> {
  try {
    const found = await stat(stateFile).catch(() => undefined);
    if (found?.isDirectory()) throw new Error('it is a folder');
    await access(found ? stateFile : dirname(stateFile), constants.W_OK);
  } catch (cause) {
    const why = `The state of the chain cannot be written to ${stateFile}: ${messageOf(cause)}.`;
    throw new TributaryError('devnet_failed', why, { cause });
  }
}

/** For programs: all there is to know of the chain. */
async function writeJson(path: string, devnet: Devnet): Promise<void> {
  const { url, chainId, accounts, addresses, abis } = devnet;
  const text = JSON.stringify({ url, chainId, accounts, addresses, abis }, null, 2);
  await writeFile(path, `${text}\n`).catch((cause) => {
    const why = `${path} cannot be written: ${messageOf(cause)}`;
    throw new TributaryError('devnet_failed', why, { cause });
  });
}

function view({ url, chainId, accounts, addresses }: Devnet, paint: Paint): string[] {
  const options = { width: VIEW_WIDTH, paint };
  return [
    `The chain listens at ${url}, chain id ${chainId}. Ctrl-C ends it.`,
    '',
    ...table(
      [{ title: 'contract' }, { title: 'address' }],
      Object.entries(addresses).map(([name, address]) => [name, address]),
      options,
    ),
    '',
    ...table(
      [{ title: 'account' }, { title: 'address' }],
      accounts.map(({ name, address }) => [name, address]),
      options,
    ),
    '',
    ...table(
      [
        { title: 'account' },
        { title: 'private key (known to everybody: never send real money there)' },
      ],
      accounts.map(({ name, privateKey }) => [name, privateKey]),
      options,
    ),
  ];
}

/** A first signal ends the chain in order. */
function stopOnSignal() {
  const abort = new AbortController();
  const { promise: asked, resolve } = Promise.withResolvers<'asked'>();
  const stop = () => {
    abort.abort();
    resolve('asked');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    asked,
    signal: abort.signal,
    close() {
      abort.abort();
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
