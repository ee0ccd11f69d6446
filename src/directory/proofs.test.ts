import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ETH } from '../base/asset.ts';
import { keccak256 } from '../base/keccak.ts';
import { DISPERSE, edit, publishedPool, TICKET_BROKER } from '../epochs/verify.test-kit.ts';
import type { ChainTransaction, VerifyParts } from '../epochs/verify-types.ts';
import { toHex } from '../proofs/bytes.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { recover } from '../protocol/signature.ts';
import { checkProofs, noProofs, type ProofsState } from './proofs.ts';

const WALLET = `0x${'a1'.repeat(20)}`;
const pool = await publishedPool();
after(() => pool[Symbol.asyncDispose]());
const heron = await pool.books.enrol();
const { identity } = pool.account;
const check = {
  now: 1_000,
  pool: { orchestrator: `0x${toHex(identity.pool)}`, chainId: String(identity.chainId) },
};

async function settle(pixels: bigint, wei: bigint): Promise<void> {
  await pool.books.work(heron, pixels, 7n);
  await pool.books.earn(wei, { transaction: pool.redeemed(wei) });
  await pool.close();
}

/** A look at these files and this chain; `reads` notes what was asked for. */
async function look(
  before: ProofsState,
  files: ReadonlyMap<string, string>,
  chain: ReadonlyMap<string, ChainTransaction> = pool.chain,
  reads: string[] = [],
): Promise<ProofsState> {
  const parts: VerifyParts = {
    files: {
      async read(path) {
        reads.push(path);
        return files.get(path);
      },
    },
    chain: {
      chainId: async () => identity.chainId,
      finalBlock: async () => 1_000_000n,
      transaction: async (hash) => chain.get(hash),
      contracts: {
        ticketBroker: TICKET_BROKER,
        bondingManager: undefined,
        livepeerToken: undefined,
        disperse: DISPERSE,
      },
    },
    hashing: nodeHashing,
    verifyEd25519: nodeVerifyEd25519,
    keccak256,
    recover,
  };
  return checkProofs(before, check, parts);
}

await pool.books.publish('[income]\nrecognised = "redeemed"');
await settle(300n, 1_000n);
await settle(100n, 2_000n);
const two = await look(noProofs, await pool.files());
const hash = pool.sent(WALLET, 600n);
pool.pay({ worker: heron, asset: ETH, amount: 600n, to: WALLET, transaction: hash });
await settle(50n, 500n);
const files = await pool.files();
await settle(20n, 300n);
const later = await pool.files();

test('epochs are recomputed once, and new ones when they come', async () => {
  assert.equal(two.fault, null);
  assert.deepEqual([two.held, two.published, two.promised.payouts], [2, 2, 0]);
  const reads: string[] = [];
  const three = await look(two, files, pool.chain, reads);
  assert.deepEqual([three.fault, three.held, three.published], [null, 3, 3]);
  assert.ok(!reads.includes('epoch-1/input.json'), 'the first epoch was not read again');
  assert.match(
    three.epochs.at(-1)?.steps.join() ?? '',
    /transactions of the income are on the chain/,
  );
  // The payment stands with the second epoch, which had held without it.
  assert.deepEqual([three.promised.payouts, three.promised.onChain], [1, 1]);
  const again = await look(three, files);
  assert.deepEqual(again, three);
});

test('a payment is counted though two more epochs were published before the next look', async () => {
  const four = await look(two, later);
  assert.deepEqual([four.fault, four.held], [null, 4]);
  assert.deepEqual([four.promised.payouts, four.promised.onChain], [1, 1]);
});

test('what a pool replaces is found by who looked before, though it signs it anew', async () => {
  const changed = new Map(files);
  edit<{ head: { closesAt: number } }>(changed, 'epoch-1/epoch.json', ({ head }) => {
    head.closesAt += 1;
  });
  await pool.seal(changed, 1n);
  const state = await look(two, changed);
  assert.equal(state.fault?.fault, 'history_rewritten');
  assert.equal(state.fault?.epoch, '1');
  assert.equal(state.held, 2);

  const shorter = new Map(files);
  edit<{ epochs: unknown[] }>(shorter, 'index.json', ({ epochs }) => epochs.splice(1));
  assert.match((await look(two, shorter)).fault?.text ?? '', /epoch 2 is gone/);
  assert.match((await look(two, new Map())).fault?.text ?? '', /is gone/);
});

type Head = { head: { recovered?: number; dust: Record<string, string> } };
type Payouts = { payouts: { id: string; at: number; worker: string }[] };

/** These files, as the pool would publish them after a restore of its second epoch. */
async function restored(from: ReadonlyMap<string, string>, recovered: number) {
  const changed = new Map(from);
  edit<Head>(changed, 'epoch-2/epoch.json', ({ head }) => {
    head.recovered = recovered;
  });
  await pool.reseal(changed, 2n);
  return changed;
}

test('an epoch that was closed anew after a restore is a correction, if nobody gets less', async () => {
  const four = await look(noProofs, later);
  const end = four.epochs.at(-1)?.closesAt ?? 0;
  assert.deepEqual([four.held, four.promised.payouts, four.promised.paid], [4, 1, { ETH: '600' }]);
  // The payout comes back under another name, and in a later list.
  const corrected = await restored(later, end + 5);
  let again: Payouts['payouts'] = [];
  edit<Payouts>(corrected, 'epoch-2/payouts.json', (list) => {
    again = list.payouts.splice(0);
  });
  edit<Payouts>(corrected, 'epoch-4/payouts.json', (list) => {
    list.payouts.push(...again.map((one) => ({ ...one, id: `recovered:${hash}:0` })));
  });
  const state = await look(four, corrected);
  assert.deepEqual([state.fault, state.held, state.published], [null, 4, 4]);
  assert.deepEqual(
    state.corrected?.map(({ epoch }) => epoch),
    ['2', '3', '4'],
  );
  assert.match(state.epochs[1]?.steps.at(-1) ?? '', /^corrected after a restore/);
  assert.deepEqual(state.promised.credited, four.promised.credited);
  assert.deepEqual([state.promised.payouts, state.promised.paid], [1, { ETH: '600' }]);
  assert.deepEqual(await look(state, corrected), state);
  // What was replaced is held against the pool like any other record.
  assert.equal((await look(state, later)).fault?.fault, 'history_rewritten');

  const lateWord = await look(four, await restored(later, end - 1));
  assert.equal(lateWord.fault?.fault, 'history_rewritten', 'closed after the books came back');
  const more = four.credits?.map(({ epoch, amounts }) => ({
    epoch,
    amounts: { ...amounts, [`${heron} ETH`]: `${amounts[`${heron} ETH`]}0` },
  }));
  const less = await look({ ...four, ...(more ? { credits: more } : {}) }, corrected);
  assert.equal(less.fault?.fault, 'history_rewritten');
  assert.match(less.fault?.text ?? '', /credits less than the record/);
});

test('a payout that is found again under records that stayed is counted once', async () => {
  const four = await look(noProofs, later);
  const found = new Map(later);
  let again: Payouts['payouts'] = [];
  edit<Payouts>(found, 'epoch-2/payouts.json', (list) => {
    again = list.payouts.splice(0);
  });
  edit<Payouts>(found, 'epoch-4/payouts.json', (list) => {
    list.payouts.push(...again.map((one) => ({ ...one, id: `recovered:${hash}:0` })));
  });
  const state = await look(four, found);
  assert.deepEqual([state.fault, state.held], [null, 4]);
  assert.deepEqual([state.promised.payouts, state.promised.paid], [1, { ETH: '600' }]);
  assert.deepEqual(await look(state, found), state);
});

test('a payment or an income that the chain does not have is what fails, until it is there', async () => {
  const without = (gone: string) => new Map([...pool.chain].filter(([each]) => each !== gone));
  const unpaid = await look(two, files, without(hash));
  assert.equal(unpaid.fault?.fault, 'payment_not_on_chain');
  assert.equal(unpaid.promised.payouts, 0);
  const paid = await look(unpaid, files);
  assert.deepEqual([paid.fault, paid.promised.onChain], [null, 1]);
  const [redeemed = ''] = pool.chain.keys();
  assert.equal(
    (await look(noProofs, files, without(redeemed))).fault?.fault,
    'income_not_on_chain',
  );
});

test('the proofs of another pool are none of this one', async () => {
  const other = { ...check, pool: { ...check.pool, orchestrator: WALLET } };
  const parts = { files: { read: async (path: string) => files.get(path) }, chain: undefined };
  const tools = { hashing: nodeHashing, verifyEd25519: nodeVerifyEd25519, keccak256, recover };
  const state = await checkProofs(noProofs, other, { ...parts, ...tools });
  assert.equal(state.fault?.fault, 'index_wrong');
});
