import { readFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { secureRandom } from '../../base/ids.ts';
import { createLog, type Log } from '../../base/log.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { type SignerListen, serveSigner } from '../../chain/signing-server.ts';
import { openSums } from '../../chain/signing-sums.ts';
import { createVault } from '../../chain/signing-vault.ts';
import { checksumAddress } from '../../protocol/signature.ts';
import { openKeys } from './keys.ts';
import { policyOf } from './policy.ts';
import { type SignerSettings, signerCommand } from './settings.ts';

/** `tributary signer`: opens the keys, prints one READY line, signs until a signal or its parent's end. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const resolved = readSettings(signerCommand, args, io);
  if (!resolved) return exitCode.ok;
  const { values } = resolved;
  const log = createLog({ level: values.logLevel, program: 'signer' });
  // From the first moment: a parent that ends while keys are opened must not leave us behind.
  const ended = untilEnd(values.withParent);
  await warnOfCoreDumps(log);
  const listen = await listenOf(values);
  const sums = openSums(values.stateFile, () => systemClock.now());
  const keys = await openKeys(values);
  const vault = createVault({
    keys,
    policy: policyOf(values, keys),
    sums,
    random: secureRandom,
    log,
  });
  try {
    const server = await serveSigner(listen, { vault, clock: systemClock, log });
    const port = server.port === undefined ? '' : ` port=${server.port}`;
    io.stdout.write(`READY account=${checksumAddress(keys[0].address)}${port}\n`);
    log.info('signer_stopping', { signal: await ended });
    await server.close();
  } finally {
    vault.close();
    sums.close();
  }
  return exitCode.ok;
}

/** A signal, or the end of standard input where that is our parent's. */
function untilEnd(withParent: boolean): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, resolve);
  // Otherwise this signal opens the door for a debugger, which reads memory.
  process.on('SIGUSR1', () => {});
  if (withParent) {
    const gone = () => resolve('parent_ended');
    process.stdin.once('end', gone).once('close', gone).once('error', gone).resume();
  }
  return promise;
}

/** A dump of this process would have the keys in it; Node cannot turn it off, whoever starts us can. */
async function warnOfCoreDumps(log: Log): Promise<void> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max core file size +(\S+)/m.exec(limits)?.[1];
  if (soft !== undefined && soft !== '0') log.warn('core_dumps_possible');
}

async function listenOf(values: SignerSettings): Promise<SignerListen> {
  const { socket, listen, tlsCert, tlsKey, clientCa } = values;
  if (socket !== undefined) return { socket };
  if (!listen || !tlsCert || !tlsKey || !clientCa) throw new RangeError('checked before');
  const [cert, key, ca] = await Promise.all([tlsCert, tlsKey, clientCa].map(readPem));
  return { ...listen, cert: cert as string, key: key as string, clientCa: ca as string };
}

function readPem(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw new TributaryError('certificate_unusable', `${path} cannot be read.`, { cause });
  });
}
