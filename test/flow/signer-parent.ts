import { createInterface } from 'node:readline';
import { systemClock } from '../../src/base/clock.ts';
import { TributaryError } from '../../src/base/errors.ts';
import { createLog } from '../../src/base/log.ts';
import { createMetrics } from '../../src/base/metrics.ts';
import { startSigner } from '../../src/chain/signing-child.ts';

// A program that starts a signer as the pool does, and asks it for what it reads line by line.
// Arguments: data directory, keystore, password file. Says `signer PID` at each start.

const [dataDir = '', keystore = '', passwordFile = ''] = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`${line}\n`);

const metrics = createMetrics();

try {
  const signing = await startSigner(
    {
      dataDir,
      chain: { network: 'devnet', chainId: 31_337, contracts: [] },
      main: { keystore, passwordFile },
      settings: ['--max-fee', '0.5', '--max-fees-per-day', '0.5'],
      onStart: (pid) => say(`signer ${pid}`),
    },
    {
      clock: systemClock,
      log: createLog({ level: 'debug', program: 'parent' }),
      metrics,
      env: process.env,
    },
  );
  say('ready');
  const [account] = signing.accounts;
  for await (const line of createInterface({ input: process.stdin })) {
    const [word = '', nonce = '0', gas = '21000'] = line.split(' ');
    if (word === 'result') {
      const signature = await signing.signResult([new Uint8Array(32)]);
      say(`result ${Buffer.from(signature).toString('hex')}`);
    }
    if (word === 'seal') say(`seal ${(await signing.sealKey()).length}`);
    if (word === 'cancel' && account) {
      const answer = await signing.signTransaction(account.address, {
        chainId: 31_337,
        nonce: Number(nonce),
        to: account.address,
        value: 0n,
        data: '0x',
        gasLimit: BigInt(gas),
        maxFeePerGas: 10n ** 11n,
        maxPriorityFeePerGas: 0n,
      });
      say(answer.ok ? `signed ${answer.hash}` : `${answer.reason} ${answer.text}`);
    }
    if (word === 'metrics') {
      const text = await metrics.text();
      say(`metrics ${text.split('\n').filter((one) => one.startsWith('tributary_chain_sign'))}`);
    }
    if (word === 'close') break;
  }
  await signing.close();
  say('closed');
} catch (error) {
  if (!(error instanceof TributaryError)) throw error;
  say(`failed ${error.code} ${error.message}`);
}
process.exit(0);
