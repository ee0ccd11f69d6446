import type { ValuesOf } from '../../base/command.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { assemble } from './assemble.ts';
import { listenIngest } from './ingest.ts';
import { fundingText } from './paying.ts';
import { readProfiles } from './profiles.ts';
import type { gatewayServeCommand } from './settings.ts';
import { createTally, latencyText, outcomeText, paidText } from './summary.ts';

/**
 * Takes segments over HTTP until SIGINT or SIGTERM; then ends every stream, says how it went and
 * returns 0.
 */
export async function serve(
  settings: ValuesOf<typeof gatewayServeCommand.settings>,
  io: Io,
): Promise<number> {
  const profiles = await readProfiles(settings.profiles);
  const parts = await assemble(settings);
  try {
    const { host, port } = settings.httpAddr;
    const { funding } = parts.paying;
    if (funding) io.stdout.write(`${fundingText(funding)}\n`);
    const tally = createTally();
    const ingest = await listenIngest(
      { ...parts, inputOf: parts.media.inputOf, came: tally.add },
      { host, port, profiles, sessionsMax: settings.maxSessions },
    );
    const stopped = stopSignal();
    io.stdout.write(`READY http=http://${showHostPort({ host, port: ingest.port })}\n`);
    await stopped;
    await ingest.close();
    const summary = tally.summary();
    io.stdout.write(`${outcomeText(summary)}\nLatency   ${latencyText(summary)}\n`);
    const paid = await parts.paying.report();
    if (paid) io.stdout.write(`${paidText(paid)}\n`);
    return exitCode.ok;
  } finally {
    await parts.close();
  }
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
