import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { hex } from '../../src/base/bytes.ts';
import { systemClock } from '../../src/base/clock.ts';
import { quiet } from '../../src/base/log.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { connectSigner } from '../../src/chain/signing.ts';
import { addressOf, signedBy } from '../../src/protocol/signature.ts';
import { eventually } from '../eventually.ts';
import { startTributary } from '../tributary-process.ts';

const program = join(import.meta.dirname, 'signer-parent.ts');
const cost = { n: 2, r: 8, p: 1 };
const linux = process.platform === 'linux';
/** Stands for what a pool has in its environment. */
const POOL_SECRET = 'postgres://pool:hidden@database/pool';

test('a pool asks its signer, and is left with none of its keys', async (t) => {
  const { key, ...place } = await keystore(t);
  const parent = await startParent(t, place);
  await parent.line(/^ready$/);
  const [, signature = ''] = await parent.ask('result', /^result (\w+)$/);
  const message = new Uint8Array(32);
  assert.ok(signedBy(addressOf(key), message, Buffer.from(signature, 'hex')));
  assert.ok(await parent.ask('seal', /^seal 32$/));
  assert.ok(await parent.ask('cancel 1', /^signed 0x/));
  assert.ok(await parent.ask('cancel 2 900000000', /^refused /));

  const pid = parent.signers[0] as number;
  const secrets = [hex(key), Buffer.from(key).toString('base64'), 'the password', place.password];
  if (linux) {
    for (const file of ['environ', 'cmdline', 'maps']) {
      const text = readFileSync(`/proc/${pid}/${file}`, 'latin1');
      for (const secret of secrets) assert.ok(!text.includes(secret), file);
      assert.ok(!text.includes(POOL_SECRET), file);
    }
    assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /^Max core file size +0 /m);
    assert.ok(memoryHolds(pid, key), 'the search finds a key where there is one');
    assert.ok(!memoryHolds(parent.pid, key), 'no key in the pool');
    assert.ok(!memoryHolds(parent.pid, Buffer.from(hex(key))), 'nor as text');
    assert.ok(!memoryHolds(parent.pid, Buffer.from(place.password)), 'nor its password');
  }
  await parent.ask('close', /^closed$/);
  for (const secret of [...secrets, POOL_SECRET]) {
    assert.ok(!parent.printed().includes(secret), 'not printed');
  }
});

test('a signer that is killed comes back, and its sums with it', async (t) => {
  const parent = await startParent(t, await keystore(t));
  await parent.line(/^ready$/);
  // 0.3 of the 0.5 ETH that the gas of a day may cost.
  await parent.ask('cancel 1 3000000', /^signed 0x/);
  process.kill(parent.signers[0] as number, 'SIGKILL');
  // On a busy machine a start takes longer than a request waits.
  await eventually('another one answers', () => parent.printed().includes('signer_back'), 120_000);
  await parent.ask('result', /^result \w{130}$/);
  assert.equal(parent.signers.length, 2);
  assert.match(parent.printed(), /"signal":"SIGKILL","event":"signer_ended"/);
  await parent.ask('cancel 2 3000000', /^unavailable The gas of the last 24 hours/);
  await parent.ask('cancel 1 4000000', /^signed 0x/);
  await parent.ask('cancel 2 1000000', /^signed 0x/);
});

test('a signer that hangs is replaced', async (t) => {
  const parent = await startParent(t, await keystore(t));
  await parent.line(/^ready$/);
  process.kill(parent.signers[0] as number, 'SIGSTOP');
  await eventually('another one answers', () => parent.printed().includes('signer_back'), 120_000);
  assert.equal(parent.signers.length, 2);
  await parent.ask('result', /^result \w{130}$/);
  assert.match(parent.printed(), /"event":"signer_hung"/);
  assert.match(parent.printed(), /"signal":"SIGKILL","event":"signer_ended"/);
  await parent.ask('cancel 2 900000000', /^refused /);
  const [metrics] = await parent.ask('metrics', /^metrics (.*)$/);
  assert.match(metrics, /signatures_total\{outcome="signed"\} 1\b/);
  assert.match(metrics, /signatures_total\{outcome="refused"\} 1\b/);
  assert.match(metrics, /signers_replaced_total 1\b/);
});

test('no debugger opens at a signal', { skip: !linux }, async (t) => {
  const parent = await startParent(t, await keystore(t));
  await parent.line(/^ready$/);
  process.kill(parent.signers[0] as number, 'SIGUSR1');
  await parent.ask('result', /^result \w{130}$/);
  assert.equal(parent.signers.length, 1);
  await parent.ask('close', /^closed$/);
  assert.doesNotMatch(parent.printed(), /Debugger listening/);
});

test('a signer ends with the pool that started it, even when that is killed', async (t) => {
  const place = await keystore(t);
  const parent = await startParent(t, place);
  await parent.line(/^ready$/);
  const listening = dial(join(place.dataDir, 'signer', 'signer.sock'));
  await new Promise((resolve) => listening.once('data', resolve));
  const gone = new Promise((resolve) => listening.once('close', resolve));
  parent.kill();
  await gone;
  // The next pool may start at once.
  const next = await startParent(t, place);
  await next.line(/^ready$/);
  await next.ask('close', /^closed$/);
});

test('a pool learns why its signer does not start', async (t) => {
  const wrong = await keystore(t);
  writeFileSync(wrong.passwordFile, 'another password\n');
  const first = await startParent(t, wrong);
  const [, code, text] = await first.line(/^failed (\w+) (.*)$/);
  assert.equal(code, 'password_wrong');
  assert.equal(text, `The password does not open ${wrong.file}.`);
  assert.ok(!first.printed().includes('another password'));

  const exposed = await keystore(t);
  chmodSync(exposed.file, 0o644);
  const second = await startParent(t, exposed);
  assert.equal((await second.line(/^failed (\w+)/))[1], 'keystore_exposed');

  const missing = await keystore(t);
  rmSync(missing.file);
  const third = await startParent(t, missing);
  assert.equal((await third.line(/^failed (\w+)/))[1], 'keystore_missing');
});

test('the command says what is wrong and ends with 1, or 2 for its own options', async (t) => {
  const place = await keystore(t);
  const args = [
    ...['signer', '--network', 'devnet', '--chain-id', '1', '--keystore', place.keystoreDir],
    ...['--password-file', place.passwordFile, '--state-file', join(place.dataDir, 'sums')],
  ];
  const run = async (...more: readonly string[]) => {
    const process = startTributary(t, [...args, ...more]);
    return { code: await process.exited, err: process.printed.err };
  };
  const socket = ['--socket', join(place.dataDir, 's')];
  for (const more of [
    [],
    [...socket, '--listen', ':0'],
    ['--listen', ':0', '--tls-cert', 'x'],
    [...socket, '--max-lpt', '2', '--max-lpt-per-day', '1'],
    [...socket, '--contracts', 'Controller=0x00'],
    [...socket, '--withdraw-to', '0x12'],
    [...socket, '--account', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'.replace('5a', '5A')],
  ]) {
    const { code, err } = await run(...more);
    assert.equal(code, 2, more.join(' '));
    assert.match(err, /\(setting_invalid\)/);
  }
  chmodSync(place.dataDir, 0o755);
  assert.match((await run(...socket)).err, /\(signer_exposed\)/);
  writeFileSync(place.passwordFile, 'wrong');
  const { code, err } = await run(...socket);
  assert.equal(code, 1);
  assert.match(err, /\(password_wrong\)/);
});

test('a signer on another machine is asked over mutual TLS', async (t) => {
  const { key, ...place } = await keystore(t);
  const other = await storeKey({ ...keyIn(place), key: randomBytes(32) });
  const pem = (name: string) => join(import.meta.dirname, `../fixtures/mutual-tls/${name}.pem`);
  const signer = startTributary(t, [
    ...['signer', '--network', 'arbitrum-one', '--keystore', place.keystoreDir],
    ...['--password-file', place.passwordFile, '--account', `0x${hex(addressOf(key))}`],
    ...['--redeemer-account', `0x${hex(other.address)}`],
    ...['--state-file', join(place.dataDir, 'sums'), '--listen', '127.0.0.1:0'],
    ...['--tls-cert', pem('server'), '--tls-key', pem('server.key'), '--client-ca', pem('ca')],
  ]);
  const [, port] = await signer.line(/^READY account=0x\w{40} port=(\d+)$/);
  const read = (name: string) => readFileSync(pem(name), 'utf8');
  const signing = await connectSigner(
    {
      ...{ host: '127.0.0.1', port: Number(port) },
      ...{ cert: read('client'), key: read('client.key'), ca: read('ca') },
    },
    { clock: systemClock, log: quiet },
  );
  t.after(() => signing.close());
  assert.deepEqual(signing.accounts, [
    { address: `0x${hex(addressOf(key))}`, roles: ['node', 'reward_caller'] },
    { address: `0x${hex(other.address)}`, roles: ['redeemer'] },
  ]);
  const hash = randomBytes(32);
  assert.ok(signedBy(addressOf(key), hash, await signing.signResult([hash])));
  signer.child.kill('SIGTERM');
  assert.equal(await signer.exited, 0);
});

interface Place {
  readonly dataDir: string;
  readonly keystoreDir: string;
  readonly file: string;
  readonly passwordFile: string;
  readonly password: string;
}

/** A key of its own in a keystore, and a data directory that only we may enter. */
async function keystore(t: TestContext): Promise<Place & { readonly key: Buffer }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'signer-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const password = `open sesame ${randomBytes(8).toString('hex')}`;
  const passwordFile = join(dataDir, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const keystoreDir = join(dataDir, 'keys');
  const key = randomBytes(32);
  const { file } = await storeKey({ dir: keystoreDir, key, password, cost });
  return { dataDir, keystoreDir, file, passwordFile, password, key };
}

function keyIn({ keystoreDir, password }: Place) {
  return { dir: keystoreDir, password, cost };
}

async function startParent(t: TestContext, place: Place) {
  const child: ChildProcess = spawn(
    process.execPath,
    [program, place.dataDir, place.keystoreDir, place.passwordFile],
    {
      env: { PATH: process.env.PATH, TRIBUTARY_DATABASE_URL: POOL_SECRET },
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  const lines: string[] = [];
  const signers: number[] = [];
  let wake = () => {};
  child.stderr?.on('data', (chunk: Buffer) => {
    printed += chunk;
  });
  const out = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  out.on('line', (line) => {
    printed += `${line}\n`;
    const [, pid] = /^signer (\d+)$/.exec(line) ?? [];
    if (pid) signers.push(Number(pid));
    else lines.push(line);
    wake();
  });
  const closed = new Promise((resolve) => child.once('close', resolve)).then(() => wake());
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  /** The next line; it must match. */
  async function line(pattern: RegExp): Promise<RegExpExecArray> {
    while (lines.length === 0) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`ended: ${printed}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const match = pattern.exec(lines.shift() as string);
    assert.ok(match, `${pattern}: ${printed}`);
    return match;
  }
  return {
    pid: child.pid as number,
    signers,
    printed: () => printed,
    kill: () => child.kill('SIGKILL'),
    line,
    ask(request: string, pattern: RegExp) {
      child.stdin?.write(`${request}\n`);
      return line(pattern);
    },
  };
}

/** Whether what a process may write to holds these bytes. */
function memoryHolds(pid: number, bytes: Buffer): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .filter((line) => /^\S+ rw/.test(line))
      .some((line) => {
        const [, from = '0', to = '0'] = /^([0-9a-f]+)-([0-9a-f]+)/.exec(line) ?? [];
        return regionHolds(memory, { from: BigInt(`0x${from}`), to: BigInt(`0x${to}`) }, bytes);
      });
  } finally {
    closeSync(memory);
  }
}

function regionHolds(
  memory: number,
  { from, to }: { readonly from: bigint; readonly to: bigint },
  bytes: Buffer,
): boolean {
  const chunk = Buffer.alloc(2 ** 20);
  const overlap = bytes.length - 1;
  let kept = 0;
  for (let at = from; at < to; ) {
    const wanted = Math.min(chunk.length - kept, Number(to - at));
    let read: number;
    try {
      read = readSync(memory, chunk, kept, wanted, at);
    } catch {
      return false; // reserved, not there
    }
    if (read === 0) return false;
    if (chunk.subarray(0, kept + read).includes(bytes)) return true;
    chunk.copyWithin(0, Math.max(0, kept + read - overlap), kept + read);
    kept = Math.min(overlap, kept + read);
    at += BigInt(read);
  }
  return false;
}
