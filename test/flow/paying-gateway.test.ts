import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { mineBlocks } from '../../src/chain/devnet.ts';
import { storeKey } from '../../src/chain/keystore.ts';
import { makeTestVideo } from '../../src/media/test-video.ts';
import { eventually } from '../eventually.ts';
import { startChainPool, startTestChain, type TestChain } from '../start-chain-pool.ts';
import type { Cleanup, TestPool } from '../start-pool.ts';
import { startTributary } from '../tributary-process.ts';

// One chain and one pool with one real worker of ours; each test pays from an account of its own.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
const PRICE = 1_000n;
const ladder = 'P144p30fps16x9,P240p30fps16x9';
let folder: string;
let video: string;
let chain: TestChain;
let pool: TestPool;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-paying-'));
  whole.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'password'), 'secret', { mode: 0o600 });
  video = await makeTestVideo({
    seconds: 6,
    width: 640,
    height: 360,
    path: join(folder, 'video.ts'),
  });
  chain = await startTestChain(whole, { roundLength: 400 });
  pool = await startChainPool(whole, chain, ['--auto-adjust-price=false']);
  const worker = await pool.enrol('real');
  startTributary(whole, ['worker', 'join', '--device', 'cpu', '--max-sessions', '4'], {
    TRIBUTARY_JOIN: worker.join,
  });
  await eventually('the worker is connected', async () => {
    const { workers } = await pool.admin<{ workers: { connections: number }[] }>(
      'GET',
      '/api/v1/status',
    );
    return workers.some(({ connections }) => connections > 0);
  });
});

/** Flags of a gateway that pays from a devnet account. */
async function payingFlags(name: 'gateway' | 'gateway2', amount: string): Promise<string[]> {
  const dir = join(folder, name);
  const cost = { n: 2, r: 8, p: 1 };
  const { file } = await storeKey({ dir, key: chain.key(name), password: 'secret', cost });
  const { url, addresses } = chain.devnet;
  return [
    ...['--eth-url', url, '--controller', addresses.Controller, '--keystore', file],
    ...['--password-file', join(folder, 'password'), '--deposit', amount, '--reserve', amount],
  ];
}

interface Money {
  readonly ticketsReceived: string | number;
  readonly expectedValueWei: string | number;
}

test('a pushed film is paid for to the wei: what was sent is what was credited', async (t) => {
  const before = await pool.admin<Money>('GET', '/api/v1/chain/status');
  assert.equal(Number(before.ticketsReceived), 0);
  const gateway = startTributary(t, [
    ...['gateway', 'push', '--json', '--orchestrator', pool.serviceUri, '--profiles', ladder],
    ...['--input', video, '--output', join(folder, 'hls')],
    ...(await payingFlags('gateway', '50')),
  ]);
  assert.equal(await gateway.exited, 0, gateway.printed.err);
  const events = gateway.printed.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(events[0].event, 'funded');
  assert.equal(events[0].deposit, String(50n * 10n ** 18n));

  const { failed, pixels, paid } = events.at(-1);
  assert.equal(failed, 0);
  assert.equal(BigInt(paid.feesWei), PRICE * BigInt(pixels));
  assert.ok(BigInt(paid.expectedValueWei) >= BigInt(paid.feesWei));
  const after = await pool.admin<Money>('GET', '/api/v1/chain/status');
  assert.equal(Number(after.ticketsReceived), paid.tickets);
  assert.equal(String(after.expectedValueWei), paid.expectedValueWei);
});

test('a stream outlives its ticket parameters and a restart of the pool, and ends with its money', async (t) => {
  const gateway = startTributary(t, [
    ...['gateway', 'serve', '--http-addr', '127.0.0.1:0', '--orchestrator', pool.serviceUri],
    ...['--profiles', 'P144p30fps16x9', ...(await payingFlags('gateway2', '50'))],
  ]);
  const [, address] = await gateway.line(/^READY http=(\S+)$/);
  const body = await readFile(join(folder, 'hls', 'source', '0.ts'));
  let seq = 0;
  const post = () =>
    fetch(`${address}/live/film/${seq++}.ts`, {
      method: 'POST',
      headers: { accept: 'multipart/mixed', 'content-duration': '2000' },
      body,
    });
  const works = async () => assert.equal((await post()).status, 200, gateway.printed.err);
  await works();
  await mineBlocks(chain.reader, 41);
  // So many blocks at once: the pool may hear of them a moment later than the gateway.
  await eventually('new parameters are paid by', async () => (await post()).ok);
  await pool.restart();
  await eventually('the worker is back and segments are paid', async () => (await post()).ok);

  await chain.send('gateway2', { contract: 'TicketBroker', fn: 'unlock' });
  await chain.nextRound();
  await eventually('the gateway sees that its money is leaving', async () => {
    const response = await post();
    return response.status === 503 && (await response.text()).includes('set to unlock soon');
  });
  gateway.child.kill('SIGTERM');
  assert.equal(await gateway.exited, 0);
  assert.match(gateway.printed.out, /\d+ tickets, worth .* on average, for fees of .*; 50 ETH of/);
});
