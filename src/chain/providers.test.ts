import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { BaseError } from 'viem';
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import { startAnvil } from './anvil.ts';
import { type LyingNode, startLyingNode } from './lying-node.test-kit.ts';
import { openProviders, type Providers } from './providers.ts';
import { ownError, safeText } from './rpc-refusal.ts';

const CHAIN = 31_337;
const MNEMONIC = 'test test test test test test test test test test test junk';
const anvil = await startAnvil({ port: 0, blockTime: 0, chainId: CHAIN, mnemonic: MNEMONIC });
const first = await startLyingNode(anvil.url);
const second = await startLyingNode(anvil.url);
after(async () => {
  await first.close();
  await second.close();
  await anvil.stop();
});

/** Limits of seconds last hundredths of seconds. */
const hurried: Clock = {
  now: systemClock.now,
  // Of the 10 s that an answer may take a quarter is left, so that honest ones come in time.
  after: (ms, run) => systemClock.after(ms === 10_000 ? ms / 4 : ms / 50, run),
};

interface Opened {
  readonly providers: Providers;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly lines: readonly string[];
}

async function open(
  t: { after(run: () => Promise<void>): void },
  urls: readonly string[],
  change: { chainId?: number; clock?: Clock } = {},
): Promise<Opened> {
  first.lie = undefined;
  second.lie = undefined;
  const lines: string[] = [];
  const line = (event: string, fields?: object) => {
    lines.push(`${event} ${JSON.stringify(fields)}`);
  };
  const log: Log = { error: line, warn: line, info: line, debug: line };
  const metrics = createMetrics();
  const providers = await openProviders({ urls, clock: systemClock, log, metrics, ...change });
  t.after(() => providers.close());
  return { providers, metrics, lines };
}

const asked = (node: LyingNode, method: string) => node.calls.get(method) ?? 0;

test('questions of one moment are one exchange', async (t) => {
  const { providers } = await open(t, [first.url]);
  assert.equal(providers.chainId, CHAIN);
  // The comparison that begins with the opening is one of them.
  await providers.requestAll('eth_chainId', []);
  const before = first.exchanges.length;
  const numbers = await Promise.all(
    Array.from({ length: 20 }, () => providers.request('eth_blockNumber', [])),
  );
  assert.deepEqual(new Set(numbers), new Set(['0x0']));
  assert.equal(first.exchanges.length, before + 1);
});

test('a node that takes no batches is asked one by one', async (t) => {
  const { providers } = await open(t, [first.url]);
  t.after(async () => {
    first.batches = true;
  });
  first.batches = false;
  for (const _ of [1, 2]) {
    const [chainId, block] = await Promise.all([
      providers.request('eth_chainId', []),
      providers.request('eth_blockNumber', []),
    ]);
    assert.deepEqual([chainId, block], ['0x7a69', '0x0']);
  }
});

for (const mischief of ['garbage', 'huge', 'drip', 'hang', 'hang_up', 'busy'] as const) {
  test(`a provider that answers with ${mischief} is passed over, then rests`, async (t) => {
    const { providers, metrics } = await open(t, [first.url, second.url], { clock: hurried });
    first.lie = async () => mischief;
    assert.equal(await providers.request('eth_chainId', []), '0x7a69');
    const before = asked(first, 'eth_gasPrice');
    await providers.request('eth_gasPrice', []);
    assert.equal(asked(first, 'eth_gasPrice'), before);
    const reason = {
      garbage: 'garbage',
      huge: 'too_large',
      drip: 'timed_out',
      hang: 'timed_out',
      hang_up: 'unreachable',
      busy: 'rate_limited',
    }[mischief];
    const counted = `provider_failures_total{provider="provider 1",reason="${reason}"}`;
    assert.ok((await metrics.text()).includes(counted));
  });
}

test('what one node will not say another one may', async (t) => {
  const { providers } = await open(t, [first.url, second.url]);
  first.lie = async () => ({ error: { code: -32_601, message: 'no such method here' } });
  assert.equal(await providers.request('eth_chainId', []), '0x7a69');
  const answers = await providers.requestAll('eth_chainId', []);
  assert.deepEqual(
    answers.map(({ label, ok }) => [label, ok]),
    [
      ['provider 1', false],
      ['provider 2', true],
    ],
  );
});

test('a node of another chain is refused at the start, and found out later', async (t) => {
  first.lie = undefined;
  second.lie = async () => ({ result: '0x1' });
  const parts = { urls: [first.url, second.url], clock: systemClock, metrics: createMetrics() };
  const quietly: Log = { error() {}, warn() {}, info() {}, debug() {} };
  await assert.rejects(openProviders({ ...parts, log: quietly }), {
    code: 'chain_wrong',
    message: 'RPC provider 2 serves chain 1, not chain 31337.',
  });
  second.lie = undefined;
  await assert.rejects(openProviders({ ...parts, log: quietly, chainId: 42_161 }), {
    code: 'chain_wrong',
  });

  const alarmed = Promise.withResolvers<void>();
  const log: Log = { ...quietly, warn: () => alarmed.resolve() };
  const providers = await openProviders({ ...parts, clock: hurried, log });
  t.after(() => providers.close());
  second.lie = async ({ method }, honest) =>
    method === 'eth_chainId' ? { result: '0x1' } : honest();
  await alarmed.promise;
  assert.equal(providers.alarm, 'wrong_chain');
  second.lie = undefined;
});

test('providers that are all away are opened where the chain is known', async (t) => {
  const { providers } = await open(t, ['http://127.0.0.1:1'], { chainId: CHAIN });
  await assert.rejects(providers.request('eth_chainId', []), { code: 'rpc_unavailable' });
  await assert.rejects(open(t, ['http://127.0.0.1:1']), { code: 'rpc_unavailable' });
  await assert.rejects(open(t, ['ws://127.0.0.1:1/secret']), {
    code: 'setting_invalid',
    message: 'The URL of RPC provider 1 is not http or https.',
  });
});

test('no URL, password or key gets out, whatever a node says of itself', async (t) => {
  const { host } = new URL(first.url);
  const url = `http://someone:hunter2@${host}/v2/abcdEFGH12345678ijkl?token=pr1vate`;
  const { providers, lines } = await open(t, [url]);
  first.lie = async () => ({
    error: {
      code: -32_000,
      message: `${url} is busy: someone hunter2 abcdEFGH12345678ijkl ${host}`,
    },
  });
  const thrown = await providers.request('eth_gasPrice', []).catch((error: unknown) => error);
  const wrapped = await providers.client.getGasPrice().catch((error: unknown) => error);
  first.lie = async () => 'hang_up';
  const away = await providers.client.getGasPrice().catch((error: unknown) => error);
  assert.ok(wrapped instanceof BaseError);
  assert.equal(ownError(wrapped)?.code, 'rpc_refused');
  assert.equal(ownError(away)?.code, 'rpc_unavailable');
  const all = [...lines, ...[thrown, wrapped, away].map(everything)].join('\n');
  for (const secret of ['hunter2', 'abcdEFGH', 'pr1vate', 'someone', host]) {
    assert.equal(all.includes(secret), false, `${secret} in ${all}`);
  }
  const login = Buffer.from('someone:hunter2').toString('base64');
  assert.equal(first.exchanges.at(-1), `Basic ${login}`);
});

test('a text of a node keeps what a person can use', () => {
  const text = 'execution reverted: ticket creationRound does not have a block hash';
  assert.equal(safeText(text, []), text);
  assert.equal(
    safeText('nonce too low: tx 0x12ab34, state 7', []),
    'nonce too low: tx 0x12ab34, state 7',
  );
  assert.equal(safeText('see https://a.b/c?d=e now', []), 'see [cut] now');
  assert.equal(safeText('dial 10.1.2.3:8545 failed\u0007\n', []), 'dial [cut] failed');
  assert.equal(safeText({ toString: () => 'x' }, []), 'no text');
});

/** Everything that somebody could print of an error. */
function everything(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = Object.getOwnPropertyNames(error).map((name) =>
    name === 'cause' ? everything(error.cause) : String(Reflect.get(error, name)),
  );
  return [messageOf(error), ...own].join('\n');
}
