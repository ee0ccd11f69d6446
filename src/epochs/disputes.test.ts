import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { writeFiles } from '../../test/proofs/pool-folder.ts';
import { hasPython, verify as verifyInPython } from '../../test/proofs/python-verifier.ts';
import { ETH } from '../base/asset.ts';
import { account } from '../ledger/accounts.ts';
import { createDisputes, type DisputeParty } from '../ledger/disputes.ts';
import { balanceOf, balancesOf } from '../ledger/postings-store.ts';
import { toHex } from '../proofs/bytes.ts';
import { canonicalJson } from '../proofs/canonical.ts';
import { checkDisputeLog } from '../proofs/dispute-log.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { workerLines } from './read-epochs.ts';
import { edit, publishedPool } from './verify.test-kit.ts';

const DAY_MS = 86_400_000;
const pool = await publishedPool();
const { books } = pool;
const { database, clock } = books;
after(() => pool[Symbol.asyncDispose]());
const disputes = createDisputes({
  database,
  clock,
  hashing: nodeHashing,
  terms: books.parts.terms,
  statement: workerLines,
});
const [heron, otter] = [await books.enrol(), await books.enrol()];
const as = (worker: typeof heron): DisputeParty => ({ by: 'worker', workers: [worker] });
const operator: DisputeParty = { by: 'operator' };
const balance = (name: Parameters<typeof balanceOf>[1]) => balanceOf(database, name, ETH);
const text = 'My machine was there all the time.';

await books.publish(
  '[penalties]\ngo-to = "pool"\n[[penalties.rules]]\nfor = "failed-attempts"\neach = "10%"\nat-most = "50%"',
);
await pool.close();

/** Earns 1,000 wei for equal work, with a failed attempt of each: the number of the epoch. */
async function penalised(): Promise<bigint> {
  for (const worker of [heron, otter]) {
    await books.work(worker, 100n, 7n);
    await books.fail(worker);
  }
  await books.earn(1_000n, { transaction: pool.redeemed(1_000n) });
  return pool.close();
}
const first = await penalised();
// 500 each, less commission of 10 %, less 10 % of that: line 3 took 45.
const penaltyOf = (worker: string, epoch = first) => `epoch-${epoch}/${worker}/3`;

const refusedWith = (code: string, message: RegExp) => ({ code, message });

test('what cannot be disputed is said clearly, and nothing is written', async () => {
  const open =
    (about: string, more: object = {}) =>
    () =>
      disputes.open(as(heron), { about, text, ...more });
  const cases: readonly (readonly [() => Promise<unknown>, string, RegExp])[] = [
    [open(penaltyOf(otter)), 'dispute_refused', /another worker/],
    [open(`epoch-${first}/${heron}/9`), 'dispute_refused', /lines 1 to 3/],
    [open(`epoch-99/${heron}/1`), 'epoch_unknown', /no epoch 99/],
    [open(`epoch-${first + 1n}/${heron}/1`), 'epoch_open', /no statement yet/],
    [open('somewhere'), 'dispute_invalid', /epoch-3\/abcdefghij\/2/],
    [open(penaltyOf(heron), { text: 'x'.repeat(2_001) }), 'dispute_invalid', /2001 characters/],
    [open(penaltyOf(heron), { text: '<b>pay</b>' }), 'dispute_invalid', /tags of HTML/],
    [open(penaltyOf(heron), { text: 'a\u0000b' }), 'dispute_invalid', /cannot be seen/],
    [open(penaltyOf(heron), { text: '  ' }), 'dispute_invalid', /in words/],
    [open(penaltyOf(heron), { evidence: ['a b'] }), 'dispute_invalid', /by its id/],
    [
      open(penaltyOf(heron), { claimed: { asset: 'ETH', amount: '46' } }),
      'dispute_refused',
      /took 45/,
    ],
    [
      open(penaltyOf(heron), { claimed: { asset: 'ETH', amount: '1.5' } }),
      'dispute_invalid',
      /whole/,
    ],
    [
      open(`epoch-${first}/${heron}/1`, { claimed: { asset: 'DOGE', amount: '1' } }),
      'dispute_refused',
      /do not know DOGE/,
    ],
  ];
  for (const [tried, code, message] of cases) {
    await assert.rejects(tried, refusedWith(code, message));
  }
  assert.deepEqual(await disputes.list(operator), []);
});

test('an upheld dispute is a line of the next statement, and the verifier recomputes it', async () => {
  const penalties = await balance(account('penalties'));
  const { dispute } = await disputes.open(as(heron), {
    about: `epoch-${first}/${heron}/failed_attempts`,
    text,
    evidence: [`epoch-${first}/${heron}/failed_attempts`],
  });
  assert.deepEqual(
    [dispute.state, dispute.about, dispute.claimed?.amount],
    ['open', 'penalty', 45n],
  );
  // Set aside: nobody else gets it while it is disputed.
  assert.equal(await balance(account('penalties')), penalties + 45n);
  assert.equal(await balance(account('disputed', dispute.id)), -45n);
  await assert.rejects(
    disputes.open(as(heron), { about: penaltyOf(heron), text }),
    refusedWith('dispute_refused', /disputed already/),
  );
  await assert.rejects(disputes.show(as(otter), dispute.id), { code: 'dispute_unknown' });

  await disputes.say(operator, dispute.id, { text: 'We look at it.' });
  await disputes.say(as(heron), dispute.id, { text: 'Thank you.' });
  await assert.rejects(
    disputes.decide(dispute.id, { text, outcome: 'partly', award: { asset: 'ETH', amount: '45' } }),
    refusedWith('dispute_refused', /Partly is less/),
  );
  await disputes.decide(dispute.id, { text: 'Our clock was wrong.', outcome: 'upheld' });
  await assert.rejects(
    disputes.decide(dispute.id, { text, outcome: 'refused' }),
    refusedWith('dispute_refused', /is decided/),
  );
  assert.equal(await balance(account('disputed', dispute.id)), 0n);
  assert.equal(await balance(account('award', heron)), -45n);

  const owed = await balance(account('worker', heron));
  const next = await pool.close();
  assert.equal(await balance(account('award', heron)), 0n);
  assert.equal(await balance(account('worker', heron)), owed - 45n);
  const statement = await workerLines(database, next, heron);
  assert.ok('lines' in statement);
  assert.deepEqual(
    statement.lines.map(({ kind, amount, evidence }) => [kind, amount, evidence]),
    [['award', 45n, dispute.id]],
  );
  const verdict = await pool.verify(heron, { receipts: await pool.receiptsOf(heron) });
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
  assert.equal(verdict.owed[ETH], 450n);
  const sums = await balancesOf(database);
  assert.equal(
    sums.reduce((sum, one) => sum + one.balance, 0n),
    0n,
  );
});

test('the published log is chained, and names nobody', async () => {
  const log = (await pool.files()).get('disputes.jsonl') ?? '';
  const checked = checkDisputeLog(log, nodeHashing);
  assert.ok(checked.ok);
  assert.deepEqual(
    checked.records.map(({ event }) => event),
    ['opened', 'answered', 'replied', 'decided'],
  );
  for (const word of [heron, otter, 'machine', 'clock']) assert.doesNotMatch(log, new RegExp(word));
});

/** What the second verifier says of these files. */
async function inPython(files: ReadonlyMap<string, string>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tributary-disputes-'));
  writeFiles(dir, files);
  const { text } = verifyInPython([dir]);
  await rm(dir, { recursive: true });
  return text;
}

test('a log or an award that was changed is found, by either verifier', async (t) => {
  const withPython = hasPython(t);
  const honest = await pool.files();
  if (withPython) assert.match(await inPython(honest), /^OK: /);
  const log = honest.get('disputes.jsonl') as string;
  const lines = log.split('\n');
  const tampered: readonly (readonly [string, string])[] = [
    [log.replace('"outcome":"upheld"', '"outcome":"refused"'), 'disputes_rewritten'],
    [log.replaceAll('"amount":"45"', '"amount":"44"'), 'disputes_rewritten'],
    [lines.toSpliced(1, 1).join('\n'), 'disputes_rewritten'],
    [lines.toSpliced(-2, 1).join('\n'), 'disputes_rewritten'],
    ['', 'disputes_rewritten'],
    [`${log}{}`, 'disputes_rewritten'],
  ];
  for (const [text, fault] of tampered) {
    const files = new Map(honest).set('disputes.jsonl', text);
    const verdict = await pool.verify(heron, { files });
    assert.equal(verdict.ok ? 'ok' : verdict.fault, fault);
    if (withPython) assert.match(await inPython(files), /the disputes|log of disputes/);
  }
  // A pool that lies consistently: the record of the epoch does not name the log any more.
  const files = new Map(honest);
  files.delete('disputes.jsonl');
  const last = [...honest.keys()].filter((name) => name.endsWith('epoch.json')).length;
  edit<{ head: { disputes?: unknown } }>(files, `epoch-${last}/epoch.json`, ({ head }) => {
    delete head.disputes;
  });
  await pool.reseal(files, BigInt(last));
  const verdict = await pool.verify(heron, { files });
  assert.equal(verdict.ok ? 'ok' : verdict.fault, 'award_differs');
  if (withPython) assert.match(await inPython(files), /an award is not in the disputes/);
});

test('what cannot happen in a dispute is found in a log that is chained rightly', async (t) => {
  const withPython = hasPython(t);
  const honest = await pool.files();
  const lines = (honest.get('disputes.jsonl') ?? '').trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const [opened, answered, replied, decided] = records as [object, object, object, object];
  const logs: readonly (readonly object[])[] = [
    [answered],
    [opened, opened],
    [opened, answered, answered],
    [opened, decided, replied],
    [opened, { ...answered, outcome: 'upheld' }],
    [opened, { ...decided, outcome: 'refused' }],
    [opened, { ...decided, event: 'forgotten' }],
    [{ ...answered, event: 'opened' }],
    [opened, { ...answered, skipped: true }],
  ];
  for (const log of logs) {
    let previous = '0'.repeat(64);
    let text = '';
    for (const [index, record] of log.entries()) {
      const { skipped, ...rest } = record as { skipped?: boolean };
      const line = canonicalJson({ ...rest, sequence: index + (skipped ? 2 : 1), previous });
      previous = toHex(nodeHashing.sha256(new TextEncoder().encode(line)));
      text += `${line}\n`;
    }
    const files = new Map(honest).set('disputes.jsonl', text);
    const verdict = await pool.verify(heron, { files });
    assert.match(verdict.ok ? 'ok' : verdict.text, /^line \d of disputes.jsonl/);
    if (withPython) assert.match(await inPython(files), /line \d of the disputes/);
  }
});

test('a part comes from the pool where the penalty was not kept, a refusal gives all back', async () => {
  const epoch = await penalised();
  const partly = await disputes.open(as(heron), { about: penaltyOf(heron, epoch), text });
  const refused = await disputes.open(as(otter), { about: penaltyOf(otter, epoch), text });
  await disputes.decide(partly.dispute.id, {
    text,
    outcome: 'partly',
    award: { asset: 'ETH', amount: '20' },
  });
  const kept = await balance(account('penalties'));
  await disputes.decide(refused.dispute.id, { text, outcome: 'refused' });
  assert.equal(await balance(account('penalties')), kept - 45n);
  const commission = await balance(account('commission'));
  const missing = await disputes.open(as(otter), {
    about: `epoch-${epoch}/${otter}/receipt/01890000-0000-7000-8000-000000000000`,
    text: 'I sent this result and got no receipt.',
    evidence: ['ab'.repeat(32)],
  });
  await assert.rejects(
    disputes.decide(missing.dispute.id, { text, outcome: 'upheld' }),
    refusedWith('dispute_refused', /how much/),
  );
  await disputes.decide(missing.dispute.id, {
    text,
    outcome: 'upheld',
    award: { asset: 'ETH', amount: '7' },
  });
  assert.equal(await balance(account('commission')), commission + 7n);
  await pool.close();
  for (const worker of [heron, otter]) {
    const verdict = await pool.verify(worker, { receipts: await pool.receiptsOf(worker) });
    assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
  }
});

test('a pool that is late gives back what a penalty took, and what it did not take stays open', async () => {
  const epoch = await penalised();
  const penalty = await disputes.open(as(heron), { about: penaltyOf(heron, epoch), text });
  const work = await disputes.open(as(heron), {
    about: `epoch-${epoch}/${heron}/1`,
    text: 'I did twice as much.',
    claimed: { asset: 'ETH', amount: '500' },
  });
  const withdrawn = await disputes.open(as(otter), { about: penaltyOf(otter, epoch), text });
  await assert.rejects(
    disputes.withdraw(operator, withdrawn.dispute.id, { text }),
    refusedWith('dispute_refused', /Only the worker/),
  );
  await disputes.withdraw(as(otter), withdrawn.dispute.id, { text: 'I was wrong.' });
  clock.advance(7 * DAY_MS);
  assert.equal(await disputes.lapse(), 0);
  clock.advance(1);
  assert.equal(await disputes.lapse(), 2);
  assert.equal(await disputes.lapse(), 0);
  const now = async (id: string) => (await disputes.show(operator, id)).dispute;
  const lapsed = await now(penalty.dispute.id);
  assert.deepEqual([lapsed.state, lapsed.award?.amount], ['lapsed', 45n]);
  const late = await now(work.dispute.id);
  assert.deepEqual([late.state, late.isOverdue, late.award], ['open', true, undefined]);
  assert.equal((await now(withdrawn.dispute.id)).state, 'withdrawn');
  await disputes.decide(work.dispute.id, {
    text: 'The receipts say otherwise.',
    outcome: 'refused',
  });

  clock.advance(8 * DAY_MS);
  await assert.rejects(
    disputes.open(as(otter), { about: `epoch-${epoch}/${otter}/1`, text }),
    refusedWith('dispute_refused', /could be disputed until/),
  );
  await pool.close();
  const verdict = await pool.verify(heron, { receipts: await pool.receiptsOf(heron) });
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
});

test('a private pool publishes no amounts, and its workers are awarded all the same', async () => {
  await books.publish(
    'privacy = "private"\n[penalties]\n[[penalties.rules]]\nfor = "failed-attempts"\neach = "10%"\nat-most = "50%"',
  );
  await pool.close();
  const epoch = await penalised();
  const about = penaltyOf(heron, epoch);
  const { dispute } = await disputes.open(as(heron), { about, text });
  const decided = await disputes.decide(dispute.id, { text, outcome: 'upheld' });
  assert.equal(decided.dispute.award?.amount, 45n);
  await pool.close();
  const log = (await pool.files()).get('disputes.jsonl') ?? '';
  const own = log.split('\n').filter((line) => line.includes(dispute.id));
  assert.equal(own.length, 2);
  for (const line of own) assert.doesNotMatch(line, /amount/);
  const verdict = await pool.verify(heron, { receipts: await pool.receiptsOf(heron) });
  assert.ok(verdict.ok, verdict.ok ? '' : verdict.text);
});

test('the database itself keeps the log as it is', async () => {
  const tried = [
    sql`update dispute_event set content = '{}'`,
    sql`delete from dispute`,
    sql`insert into dispute_event (sequence, dispute, record, hash, content)
      select 99, dispute, record, hash, content from dispute_event where sequence = 1`,
  ];
  for (const statement of tried) {
    await assert.rejects(database.query(statement), { code: 'database_failed' });
  }
});
