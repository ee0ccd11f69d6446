import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Hex } from 'viem';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { startAnvil } from '../../src/chain/anvil.ts';
import { type Lie, type Said, startLyingNode } from '../../src/chain/lying-node.test-kit.ts';
import {
  balance,
  newAccount,
  newRecipient,
  payment,
  rpc,
  startSender,
} from '../../src/chain/transactions.test-kit.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { eventually } from '../eventually.ts';

const CHAIN = 31_337;
const MNEMONIC = 'test test test test test test test test test test test junk';
const scratch = await openScratch();
const { database } = scratch;
const anvil = await startAnvil({ port: 0, blockTime: 0, chainId: CHAIN, mnemonic: MNEMONIC });
const { url } = anvil;
const liar = await startLyingNode(url);
await rpc(url, 'anvil_mine', '0x64');
after(async () => {
  await liar.close();
  await anvil.stop();
  await scratch[Symbol.asyncDispose]();
});

/** How long a provider has to answer a question, or to take a transaction. */
const ANSWER_LIMITS_MS = [10_000, 20_000];

/** Waits of seconds last hundredths of seconds; an honest answer is in time on a busy machine, too. */
const hurried: Clock = {
  now: systemClock.now,
  after(ms, run) {
    if (ms <= 1_000) return systemClock.after(ms, run);
    return systemClock.after(ANSWER_LIMITS_MS.includes(ms) ? ms / 4 : ms / 40, run);
  },
};

const LIE_BLOCK: Hex = `0x${'bad0'.repeat(16)}`;
const SECRET_URL = 'https://rpc.example/v2/s3cr3tK3yOfTh3Op3rator';

/** Everything but one method is the truth. */
function about(
  method: string,
  say: (honest: () => Promise<Said>, params: readonly unknown[]) => ReturnType<Lie>,
): Lie {
  return async (call, honest) => (call.method === method ? say(honest, call.params) : honest());
}

/** The truth with other fields. */
function retouched(method: string, retouch: (result: Record<string, unknown>) => object): Lie {
  return about(method, async (honest) => {
    const said = await honest();
    if (!('result' in said) || typeof said.result !== 'object' || !said.result) return said;
    return { result: { ...said.result, ...retouch(said.result as Record<string, unknown>) } };
  });
}

const plus = (value: unknown, more: bigint): Hex =>
  `0x${(BigInt(String(value)) + more).toString(16)}`;

/** Each lie, with what the alarm or the count of failures calls it. */
const lies: readonly {
  readonly name: string;
  readonly lie: Lie;
  readonly paused?: string;
  readonly counted?: string;
  /** The transaction stays out of blocks meanwhile. */
  readonly unmined?: true;
}[] = [
  {
    name: 'the id of another chain',
    lie: about('eth_chainId', async () => ({ result: '0x1' })),
    paused: 'wrong_chain',
  },
  {
    name: 'a head that stands still',
    lie: about('eth_getBlockByNumber', async (honest, [block]) =>
      block === 'latest'
        ? { result: await rpc(url, 'eth_getBlockByNumber', '0x10', false) }
        : honest(),
    ),
    paused: 'head_lag',
  },
  {
    name: 'a head that is not there yet',
    lie: about('eth_getBlockByNumber', async (honest, [block]) => {
      const said = await honest();
      if (block !== 'latest' || !('result' in said)) return said;
      const result = said.result as { number: Hex };
      return { result: { ...result, number: plus(result.number, 1_000n) } };
    }),
    paused: 'head_lag',
  },
  {
    name: 'a receipt of what no block has',
    lie: about('eth_getTransactionReceipt', async (_, [hash]) => {
      const { number, hash: blockHash } = await rpc<{ number: Hex; hash: Hex }>(
        ...([url, 'eth_getBlockByNumber', 'latest', false] as const),
      );
      const { from } = await rpc<{ from: Hex }>(url, 'eth_getTransactionByHash', hash);
      const said = { transactionHash: hash, from, blockNumber: number, blockHash, status: '0x1' };
      return { result: { ...said, gasUsed: '0x5208', effectiveGasPrice: '0x1' } };
    }),
    paused: 'receipt_differs',
    unmined: true,
  },
  {
    name: 'a success that was a failure',
    lie: retouched('eth_getTransactionReceipt', () => ({ status: '0x0' })),
    paused: 'receipt_differs',
  },
  {
    name: 'a nonce that is off by one',
    lie: about('eth_getTransactionCount', async (honest) => {
      const said = await honest();
      return 'result' in said ? { result: plus(said.result, 1n) } : said;
    }),
    paused: 'nonce_differs',
  },
  {
    name: 'a base fee times a million',
    lie: retouched('eth_feeHistory', ({ baseFeePerGas }) => ({
      baseFeePerGas: (baseFeePerGas as Hex[]).map((fee) => plus(fee, BigInt(fee) * 999_999n)),
    })),
  },
  {
    name: 'a tip times a million',
    lie: about('eth_maxPriorityFeePerGas', async () => ({ result: '0x38d7ea4c68000' })),
  },
  {
    name: 'no receipts',
    lie: about('eth_getTransactionReceipt', async () => ({ result: null })),
    paused: 'receipt_differs',
  },
  {
    name: 'another block',
    lie: retouched('eth_getBlockByNumber', () => ({ hash: LIE_BLOCK })),
    paused: 'block_differs',
  },
  {
    name: 'garbage',
    lie: async () => 'garbage',
    counted: 'garbage',
  },
  {
    name: 'objects where numbers belong',
    lie: async () => ({ result: { length: 1e9, toString: 'x' } }),
    counted: 'garbage',
  },
  { name: 'a flood', lie: async () => 'huge', counted: 'too_large' },
  { name: 'a byte at a time', lie: async () => 'drip', counted: 'timed_out' },
  { name: 'nothing at all', lie: async () => 'hang', counted: 'timed_out' },
  {
    name: 'an error with its own URL',
    lie: async () => ({ error: { code: -32_000, message: `${SECRET_URL} is out of credit` } }),
  },
  {
    name: 'yes to a transaction that it keeps',
    lie: about('eth_sendRawTransaction', async () => ({ result: LIE_BLOCK })),
  },
];

for (const [place, order] of [
  ['first', (honest: string, lying: string) => [lying, honest]],
  ['second', (honest: string, lying: string) => [honest, lying]],
] as const) {
  for (const { name, lie, paused, counted, unmined } of lies) {
    test(`the ${place} of two providers says: ${name}`, async (t) => {
      liar.lie = undefined;
      const { log, lines } = listeningLog();
      const account = await newAccount(url, CHAIN);
      const urls = order(url, liar.url);
      const sender = await startSender({ database, urls, account, log, clock: hurried }, t);
      const { transactions, metrics } = sender;
      const [to, before] = [newRecipient(), payment('before', newRecipient())];
      await transactions.submit(before);
      await transactions.settled(before.id);

      if (unmined) await rpc(url, 'evm_setAutomine', false);
      liar.lie = lie;
      const intent = payment('lie', to);
      await transactions.submit(intent);
      if (paused) {
        await eventually('it pauses', () => transactions.status.paused === paused);
        assert.ok(transactions.status.alarms.some(({ alarm }) => alarm === 'paused'));
        assert.ok(lines.includes(`chain_sending_paused ${JSON.stringify({ reason: paused })}`));
        assert.match(await metrics.text(), /tributary_chain_paused 1/);
        // An honest one goes on being asked, and nothing is signed meanwhile but what was.
        const nonce = Number(
          await rpc<Hex>(url, 'eth_getTransactionCount', account.address, 'latest'),
        );
        assert.ok(nonce <= 2);
        liar.lie = undefined;
        if (unmined) await rpc(url, 'evm_setAutomine', true);
        if (unmined) await rpc(url, 'evm_mine');
      }
      const entry = await transactions.settled(intent.id);
      liar.lie = undefined;

      assert.equal(entry.state, 'final');
      assert.equal(await balance(url, to), 1n);
      assert.equal(await rpc(url, 'eth_getTransactionCount', account.address, 'latest'), '0x2');
      // Nobody talked it into a price: 2 gwei of base fee and a tip of 1 are 3, twice the base is 5.
      assert.ok((await transactions.gasSpent()) < 2n * 30_000n * 5_000_000_000n);
      if (counted) {
        const label = place === 'first' ? 'provider 1' : 'provider 2';
        const failure = `failures_total{provider="${label}",reason="${counted}"}`;
        assert.ok((await metrics.text()).includes(failure), await metrics.text());
      }
      assert.doesNotMatch(lines.join('\n'), /s3cr3t|rpc\.example|127\.0\.0\.1/);
    });
  }
}

test('one provider that takes a transaction and never says so is sent it once too often, no more', async (t) => {
  const account = await newAccount(url, CHAIN);
  const sender = await startSender({ database, urls: [liar.url], account, clock: hurried }, t);
  const to = newRecipient();
  liar.lie = about('eth_sendRawTransaction', async (honest) => {
    await honest();
    return 'hang';
  });
  const intents = [1, 2, 3].map((n) => payment(`silent:${n}`, to));
  for (const intent of intents) await sender.transactions.submit(intent);
  for (const { id } of intents) await sender.transactions.settled(id);
  liar.lie = undefined;
  assert.equal(await balance(url, to), 3n);
  assert.equal(await rpc(url, 'eth_getTransactionCount', account.address, 'latest'), '0x3');
});

test('one provider that contradicts itself is not believed', async (t) => {
  const account = await newAccount(url, CHAIN);
  const sender = await startSender({ database, urls: [liar.url], account, clock: hurried }, t);
  const { transactions } = sender;
  const to = newRecipient();
  const first = payment('self:1', newRecipient());
  await transactions.submit(first);
  await transactions.settled(first.id);
  // A final transaction cannot become undone.
  liar.lie = about('eth_getTransactionCount', async () => ({ result: '0x0' }));
  await transactions.submit(payment('self:2', to));
  await eventually('it pauses', () => transactions.status.paused === 'final_undone');
  assert.equal(await balance(url, to), 0n);
  liar.lie = undefined;
  const entry = await transactions.settled(payment('self:2', to).id);
  assert.equal(entry.state, 'final');
  assert.equal(await balance(url, to), 1n);
});

test('while no provider answers nothing is lost', async (t) => {
  const account = await newAccount(url, CHAIN);
  liar.lie = async () => 'hang_up';
  const sender = await startSender({ database, urls: [liar.url], account, clock: hurried }, t);
  const { transactions } = sender;
  const to = newRecipient();
  const intent = payment('outage:1', to);
  await transactions.submit(intent);
  await eventually('it pauses', () => transactions.status.paused === 'no_provider');
  liar.lie = undefined;
  assert.equal((await transactions.settled(intent.id)).state, 'final');
  assert.equal(await balance(url, to), 1n);
  assert.equal(transactions.status.paused, undefined);
});

function listeningLog(): { readonly log: Log; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const line = (event: string, fields?: object) => {
    lines.push(`${event} ${JSON.stringify(fields)}`);
  };
  return { log: { error: line, warn: line, info: line, debug: line }, lines };
}
