import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { instant } from '../base/clock.ts';
import { openScratch } from '../database/scratch.ts';
import { seededChance } from './fake-chain.test-kit.ts';
import { calm, createWorld, intentOf } from './journal.test-kit.ts';
import {
  addIntent,
  fateOf,
  type JournalAccount,
  loadIntent,
  loadJournal,
  storeStep,
} from './journal-store.ts';
import type { Attempt, Entry, JournalRules, JournalWrite } from './journal-types.ts';

const scratch = await openScratch();
const { database } = scratch;
after(() => scratch[Symbol.asyncDispose]());

let accounts = 0;
const AT = instant(1_700_000_000_123);

test('an intent exists with what wanted it, or not at all, and only once', async () => {
  const account = newAccount();
  const intent = { ...intentOf('redeem:1', 10n ** 20n), data: '0xabcdef' as Hex, value: 5n };
  await assert.rejects(
    database.transact(async (tx) => {
      await addIntent(tx, account, intent);
      throw new Error('the other half fails');
    }),
  );
  assert.equal(await loadIntent(database, account, intent.id), undefined);
  assert.equal(await database.transact((tx) => addIntent(tx, account, intent)), 'added');
  assert.equal(await database.transact((tx) => addIntent(tx, account, intent)), 'known');
  assert.deepEqual(await loadIntent(database, account, intent.id), intent);
  assert.deepEqual(await fateOf(database, account, intent.id), { state: 'open' });
  const { version, entries, nonceFloor } = await load(account);
  assert.deepEqual([version, entries.length, nonceFloor], [0n, 1, 0]);
  assert.deepEqual(entries[0]?.intent, intent);
});

test('after any history the database holds what the journal knew', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const account = newAccount();
    const { store, state } = history(seed);
    let version = (await load(account)).version;
    for (const writes of store.steps) {
      const result = await database.transact((tx) => storeStep(tx, account, version, writes));
      assert.equal(result, 'stored');
      version += 1n;
    }
    const loaded = await load(account);
    const open = [...store.entries.values()].filter((entry) => state.entries.has(entry.intent.id));
    assert.deepEqual(loaded.entries.map(durable), open.map(durable));
    assert.ok(open.length > 0 && open.length < store.entries.size);
    assert.equal(loaded.nonceFloor, state.nonceFloor);
    for (const entry of store.entries.values()) {
      const fate = await fateOf(database, account, entry.intent.id);
      const settled = entry.state === 'final' || entry.state === 'failed';
      assert.deepEqual(fate, settled ? entry : { state: 'open' });
    }
  }
});

test('who knows an older version writes nothing', async () => {
  const account = newAccount();
  const { version } = await load(account);
  const store = (at: bigint, ...writes: JournalWrite[]) =>
    database.transact((tx) => storeStep(tx, account, at, writes));
  assert.equal(await store(version, intended('a')), 'stored');
  assert.equal(await store(version, intended('b')), 'stale');
  const loaded = await load(account);
  assert.deepEqual(
    loaded.entries.map(({ intent }) => intent.id),
    ['a'],
  );
  assert.equal(await store(loaded.version, intended('b')), 'stored');
});

test('the tables refuse what must never be', async () => {
  const account = newAccount();
  let version = 0n;
  const store = async (...writes: JournalWrite[]) => {
    await load(account);
    await database.transact((tx) => storeStep(tx, account, version, writes));
    version += 1n;
  };
  const attempt = (id: string, nonce: number, raw: Hex): JournalWrite => ({
    write: 'attempt',
    intent: intentOf(id).id,
    nonce,
    attempt: bytesOf(raw),
  });
  const used = (id: string, nonce: number): JournalWrite => ({
    write: 'replaced',
    intent: intentOf(id).id,
    nonce,
    by: `0x${'ff'.repeat(32)}`,
  });
  await store(intended('a'), intended('b'), attempt('a', 0, '0xaa'));
  const refused = (...writes: JournalWrite[]) =>
    assert.rejects(store(...writes), { code: 'database_failed' });
  // A nonce for a second intent, a second nonce for an intent, the same bytes twice.
  await refused(attempt('b', 0, '0xbb'));
  await refused(attempt('a', 1, '0xab'));
  await refused(attempt('a', 0, '0xaa'));
  await store(attempt('a', 0, '0xac'));
  await store(used('a', 0), attempt('a', 1, '0xab'));
  const { intent } = intentEntry('a');
  const inclusion = { hash: bytesOf('0xab').hash, block: 9n, succeeded: true };
  const final: Entry = { intent, withdrawn: false, state: 'final', nonce: 1, inclusion };
  await store({ write: 'entry', entry: final });
  await refused({ write: 'entry', entry: intentEntry('a') });
  await assert.rejects(database.query(sql`update chain_transaction set raw = '\\x00'`));
  await assert.rejects(database.query(sql`delete from chain_transaction`));
});

function intentEntry(id: string): Entry {
  return { intent: intentOf(id), withdrawn: false, state: 'intended', retryAt: AT };
}

function intended(id: string): JournalWrite {
  return { write: 'entry', entry: intentEntry(id) };
}

function bytesOf(raw: Hex): Attempt {
  const hash: Hex = `0x${raw.slice(2).repeat(32)}`;
  return { kind: 'work', raw, hash, signedAt: AT, maxFeePerGas: 9n, maxPriorityFeePerGas: 1n };
}

/** Some of the simulated life of a journal, with everything in it but crashes. */
function history(seed: number) {
  const rules: JournalRules = {
    self: `0x${'22'.repeat(20)}`,
    cancelGasLimit: 100n,
    maxFeePerGas: 1_000n,
    worthShare: { numerator: 1n, denominator: 10n },
    inFlightMax: 3,
    resendMs: 4_000,
    replaceAfterMs: 6_000,
    giveUpAfterMs: 20_000,
    signTimeoutMs: 5_000,
    retryMs: 500,
  };
  const chance = seededChance(seed);
  const world = createWorld(rules, chance, { ...calm, sendFails: 0.3, signRefused: 0.05 });
  for (let n = 0; n < 60; n += 1) {
    world.pass(1_000);
    if (n % 4 === 0) world.happen({ event: 'intended', intent: intentOf(`intent:${seed}:${n}`) });
    if (n % 17 === 16)
      world.happen({ event: 'withdrawn', id: intentOf(`intent:${seed}:${n - 4}`).id });
    if (n % 13 === 12) world.chain.sendForeign(500n);
    if (n % 9 === 8) world.chain.reorganise();
    world.chain.baseFee = BigInt(20 + Math.floor(chance() ** 4 * 1_500));
    for (let more = 0; more < 5 && world.deliver(); more += 1);
    world.chain.mine();
    world.observe();
  }
  return { store: world.store, state: world.state };
}

/** What does not get lost with the process. */
function durable(entry: Entry) {
  return { ...entry, delivery: undefined, retryAt: undefined };
}

function newAccount(): JournalAccount {
  accounts += 1;
  return { chainId: 42161, address: `0x${accounts.toString(16).padStart(40, '0')}` };
}

function load(account: JournalAccount) {
  return database.transact((tx) => loadJournal(tx, account));
}
