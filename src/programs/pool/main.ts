import { systemClock } from '../../base/clock.ts';
import { readSettings } from '../../base/help.ts';
import { createLog } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { endWithParent } from '../../base/parent.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { startPool } from './pool.ts';
import { poolCommand } from './settings.ts';

/**
 * `tributary pool`: starts, prints one READY line, serves until SIGTERM or SIGINT, drains, stops.
 * A second signal stops without waiting.
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const resolved = readSettings(poolCommand, args, io);
  if (!resolved) return exitCode.ok;
  const { values } = resolved;
  if (values.withParent) endWithParent();
  const log = createLog({ level: values.logLevel, program: 'pool' });
  const pool = await startPool(values, {
    clock: systemClock,
    log,
    metrics: createMetrics(),
    env: io.env,
  });
  const http = pool.publicUrl === undefined ? '' : ` http=${pool.publicUrl}`;
  // Before it says so: whoever waits for the line may end it at once.
  const first = nextSignal();
  io.stdout.write(`READY service=${pool.serviceUri} admin=${pool.adminUrl}${http}\n`);

  log.info('pool_stopping', { signal: await first });
  const again = nextSignal().then(() => pool.stop());
  await Promise.race([pool.drain(), again]);
  await pool.stop();
  return exitCode.ok;
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
    const done = (signal: NodeJS.Signals) => {
      for (const other of signals) process.off(other, done);
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, done);
  });
}
