import { homedir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { ValuesOf } from '../../base/command.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createLog, type LogLevel } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { endWithParent } from '../../base/parent.ts';
import { showHostPort } from '../../base/setting-types.ts';
import type { Origin } from '../../base/settings.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../proofs/node-signatures.ts';
import { joinStringFaults, parseJoinString } from '../../workers/join-string.ts';
import { equip } from './equip.ts';
import type { Orchestrator } from './link.ts';
import { createReceiptKeeper } from './receipts.ts';
import { openReceiptStore, prepareReceiptFolder } from './receipts-store.ts';
import { workerJoinCommand } from './settings.ts';
import { createWorkerView } from './view.ts';
import { type RunningWorker, startWorker } from './worker.ts';

/** Any long time. */
const AWAKE_MS = 3_600_000;

type JoinSettings = ValuesOf<typeof workerJoinCommand.settings>;

/**
 * `tributary worker join`: works until SIGTERM or SIGINT, then finishes what runs, posts it and
 * returns 0. A second signal ends the process at once.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name !== 'join') {
    throw new TributaryError('command_unknown', `"worker ${name ?? ''}" is not a command.`);
  }
  const settings = readSettings(workerJoinCommand, rest, io);
  if (!settings) return exitCode.ok;
  const { values, origins } = settings;
  if (values.withParent) endWithParent();
  const orchestrator = orchestratorOf(values);
  const log = createLog({ level: logLevel(values, origins.logLevel, io), program: 'worker' });

  const receiptsDir = values.receipts ?? join(homedir(), '.tributary', 'receipts');
  // A stock orchestrator gives none, so that its workers need no folder.
  if (values.join !== undefined || values.receipts !== undefined) prepareReceiptFolder(receiptsDir);
  const equipment = await equip(values, io);
  const view = createWorkerView(io, systemClock);
  const worker = await startWorker(
    { orchestrator, maxSessions: values.maxSessions, equipment },
    {
      clock: systemClock,
      log,
      metrics: createMetrics(),
      onChange: view.show,
      receipts: createReceiptKeeper({
        store: openReceiptStore(receiptsDir),
        hashing: nodeHashing,
        verifyEd25519: nodeVerifyEd25519,
      }),
    },
  );
  // Between two attempts to connect nothing else would keep the process alive.
  const awake = setInterval(() => {}, AWAKE_MS);
  try {
    await Promise.race([worker.ended, firstSignal()]);
    await Promise.race([drain(worker, values.drainTime), secondSignal()]);
    return exitCode.ok;
  } finally {
    clearInterval(awake);
    view.close(worker.status());
    await worker.stop();
  }
}

/**
 * Where to register and as whom.
 *
 * @throws TributaryError `join_string_invalid`
 */
export function orchestratorOf(
  values: Pick<JoinSettings, 'join' | 'orchAddr' | 'credential'>,
): Orchestrator {
  if (values.join !== undefined) {
    const parsed = parseJoinString(values.join);
    if (!parsed.ok) {
      throw new TributaryError(
        'join_string_invalid',
        `This join string cannot be used: ${joinStringFaults[parsed.reason]}.`,
      );
    }
    const { host, port, pin, credential } = parsed.join;
    return { origin: `https://${showHostPort({ host, port })}`, pin, credential };
  }
  if (values.orchAddr === undefined || values.credential === undefined) {
    throw new TributaryError('setting_missing', 'An orchestrator and a credential are needed.');
  }
  return {
    origin: `https://${showHostPort(values.orchAddr)}`,
    pin: undefined,
    credential: values.credential,
  };
}

/** On a terminal the live line tells what the log would; whoever asks for the log gets both. */
function logLevel(values: JoinSettings, origin: Origin, io: Io): LogLevel {
  return io.isTty && origin.from === 'default' ? 'silent' : values.logLevel;
}

async function drain(worker: RunningWorker, drainMs: number): Promise<void> {
  const timeUp = new Promise<void>((resolve) => systemClock.after(drainMs, resolve));
  await Promise.race([worker.drain(), timeUp]);
}

function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.once(signal, () => resolve());
    }
  });
}

/** Never settles: whoever signals twice does not want to wait for anything. */
function secondSignal(): Promise<never> {
  return new Promise(() => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => process.exit(exitCode.failed));
    }
  });
}
