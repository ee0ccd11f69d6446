import { systemClock } from '../../base/clock.ts';
import { readSettings } from '../../base/help.ts';
import { createLog } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { checksumAddress, parseAddress } from '../../protocol/signature.ts';
import { startRedeemer } from './redeemer.ts';
import { redeemerCommand } from './settings.ts';

/** `tributary redeemer`: starts, prints one READY line, redeems until SIGTERM or SIGINT. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const resolved = readSettings(redeemerCommand, args, io);
  if (!resolved) return exitCode.ok;
  const { values } = resolved;
  const log = createLog({ level: values.logLevel, program: 'redeemer' });
  const redeemer = await startRedeemer(values, {
    clock: systemClock,
    log,
    metrics: createMetrics(),
    env: io.env,
  });
  const account = parseAddress(redeemer.account);
  const ended = nextSignal();
  io.stdout.write(
    `READY account=${account ? checksumAddress(account) : ''} admin=${redeemer.adminUrl}\n`,
  );
  log.info('redeemer_stopping', { signal: await ended });
  await redeemer.stop();
  return exitCode.ok;
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, resolve);
  });
}
