import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Hex } from 'viem';
import { startAnvil } from '../../src/chain/anvil.ts';
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
/** Blocks deeper than this are final: to anvil by the tag, as everywhere by agreement. */
const DEPTH = 64;
const scratch = await openScratch();
const { database } = scratch;
const anvil = await startAnvil({ port: 0, blockTime: 0, chainId: CHAIN, mnemonic: MNEMONIC });
const { url } = anvil;
after(async () => {
  await anvil.stop();
  await scratch[Symbol.asyncDispose]();
});

const mine = (blocks: number) => rpc(url, 'anvil_mine', `0x${blocks.toString(16)}`);
const hasReceipt = async (hash: Hex) =>
  (await rpc(url, 'eth_getTransactionReceipt', hash)) !== null;

for (const finality of [{ depth: DEPTH }, { tag: 'finalized' }] as const) {
  const name = 'tag' in finality ? 'called final by the node' : `${DEPTH} blocks deep`;
  test(`reorganisations down to what is ${name} lose nothing and repeat nothing`, async (t) => {
    await mine(2 * DEPTH);
    const account = await newAccount(url, CHAIN);
    const { transactions } = await startSender(
      { database, urls: [url], account, finality, rules: { resendMs: 5_000 } },
      t,
    );
    const to = newRecipient();
    const lastHash = (id: ReturnType<typeof payment>['id']) => {
      const entry = transactions.progress(id);
      return entry?.state === 'included' ? entry.inclusion.hash : undefined;
    };
    const intents = [];
    for (let depth = 1; depth <= DEPTH; depth += 1) {
      const intent = payment(`reorg:${depth}`, to);
      intents.push(intent);
      await transactions.submit(intent);
      await eventually('a block has it', () => lastHash(intent.id) !== undefined);
      const hash = lastHash(intent.id);
      if (depth > 1) await mine(depth - 1);
      await rpc(url, 'anvil_reorg', depth, []);
      assert.ok(hash);
      // Sent again by itself, the same bytes: nothing else can bring it back.
      await eventually('it is back', () => hasReceipt(hash));
    }
    await mine(DEPTH + 1);
    const entries = await Promise.all(intents.map(({ id }) => transactions.settled(id)));
    assert.deepEqual(new Set(entries.map(({ state }) => state)), new Set(['final']));
    assert.equal(await balance(url, to), BigInt(DEPTH));
    const nonce = await rpc<Hex>(url, 'eth_getTransactionCount', account.address, 'latest');
    assert.equal(Number(nonce), DEPTH);
    assert.equal(transactions.status.paused, undefined);
  });
}

test('what was final and is undone stops all sending', async (t) => {
  const account = await newAccount(url, CHAIN);
  const sender = { database, urls: [url], account, finality: { depth: 1 } };
  const { transactions, metrics } = await startSender(sender, t);
  const intent = payment('undone', newRecipient());
  await transactions.submit(intent);
  await eventually('a block has it', () => transactions.progress(intent.id)?.state === 'included');
  await mine(1);
  await transactions.settled(intent.id);
  await rpc(url, 'anvil_reorg', 5, []);
  const to = newRecipient();
  await transactions.submit(payment('after', to));
  await eventually('it pauses', () => transactions.status.paused === 'final_undone');
  assert.match(await metrics.text(), /tributary_chain_paused 1/);
  assert.equal(await balance(url, to), 0n);
});
