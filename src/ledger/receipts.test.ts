import assert from 'node:assert/strict';
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { after, test } from 'node:test';
import fc from 'fast-check';
import sql, { type Sql } from 'sql-template-tag';
import { assetId } from '../base/asset.ts';
import { instant } from '../base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  newWorkerId,
  type WorkerId,
} from '../base/ids.ts';
import { pixels } from '../base/money.ts';
import { openScratch } from '../database/scratch.ts';
import { createSecrets } from '../database/secrets.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { decodeReceipt, type Receipt, receiptHash, splitSigned } from '../proofs/receipt.ts';
import { defaultTerms } from '../terms/terms.ts';
import { type Contribution, type CreditedContribution, failedVerdicts } from './contribution.ts';
import { closeEpoch, openEpoch, switchEpoch, workerEpochs } from './epoch-store.ts';
import { type AppendResult, createLedger } from './ledger.ts';
import { deviceTime, rateOfTerms } from './receipts.ts';
import { receiptsAfter, receiptsStart } from './receipts-store.ts';

const AT = instant(1_700_000_000_123);
const POOL = Uint8Array.from(randomBytes(20));
const USDC = assetId('USDC');
const scratch = await openScratch();
const { database } = scratch;
const receipts = {
  issuer: () => ({ pool: POOL, chainId: 42_161n }),
  /** Terms of version 7 pay two USDC units for three pixels. */
  rateOf: async (version: number) =>
    version === 7 ? { asset: USDC, numerator: 2n, denominator: 3n } : undefined,
};
const ledger = createLedger({ database, receipts });
const otherNode = createLedger({ database, receipts });
after(async () => {
  await ledger.close();
  await otherNode.close();
  await scratch[Symbol.asyncDispose]();
});

async function enrol(): Promise<WorkerId> {
  const id = newWorkerId();
  await run(sql`insert into worker (id, name) values (${id}, ${id})`);
  return id;
}

const run = (statement: Sql) => database.transact((tx) => tx.query(statement));

function attempt(worker: WorkerId) {
  return {
    job: newJobId(AT),
    attempt: 1,
    task: newTaskId(),
    worker,
    connection: newConnectionId(),
    session: newSessionId(),
    sourceDurationMs: 2_000,
    sourceBytes: 1_700_000,
    sourceHash: Uint8Array.from(randomBytes(32)),
    timings: { queuedMs: 10, fetchedMs: 50, uploadedMs: 700 },
    at: AT,
  } as const;
}

function credited(
  worker: WorkerId,
  units: bigint,
  change: Partial<CreditedContribution> = {},
): CreditedContribution {
  const count = pixels(units);
  const part = { name: 'P', width: 1, height: 1, frames: 1, pixels: count, bytes: 1 };
  return {
    ...attempt(worker),
    verdict: 'credited',
    profiles: [{ ...part, hash: new Uint8Array(32) }],
    pixels: count,
    ...change,
  };
}

function bodyOf(result: AppendResult): Uint8Array {
  assert.ok(result.result === 'stored' && result.receipt);
  return result.receipt;
}

const read = (body: Uint8Array) => decodeReceipt(body) as Receipt;

/** All receipts of a worker, checked as its owner would: no gap, one chain, sums of each epoch. */
async function checkedChain(worker: WorkerId): Promise<readonly Receipt[]> {
  const chain: Receipt[] = [];
  let previous: Uint8Array = new Uint8Array(32);
  const sums = new Map<bigint, { jobs: bigint; units: bigint; amount: bigint }>();
  for (;;) {
    const next = await ledger.receiptsOf(worker, BigInt(chain.length + 1), 100);
    if (next.length === 0) break;
    for (const { body, sequence, epoch } of next) {
      const receipt = read(body);
      assert.equal(receipt.worker, worker);
      assert.equal(receipt.sequence, BigInt(chain.length + 1));
      assert.deepEqual([receipt.sequence, receipt.epoch], [sequence, epoch]);
      assert.deepEqual(Buffer.from(receipt.previous), Buffer.from(previous));
      const sum = sums.get(epoch) ?? { jobs: 0n, units: 0n, amount: 0n };
      sum.jobs += 1n;
      sum.units += receipt.units;
      sum.amount += receipt.amount;
      assert.equal(receipt.epochUnits, sum.units);
      if (receipt.asset !== '') assert.equal(receipt.epochAmount, sum.amount);
      sums.set(epoch, sum);
      previous = receiptHash(body, nodeHashing);
      chain.push(receipt);
    }
  }
  for (const [epoch, sum] of sums) {
    const [totals] = await workerEpochs(database, epoch, worker);
    assert.deepEqual(
      { jobs: totals?.jobs, units: totals?.units, amount: totals?.gross?.amount ?? 0n },
      sum,
    );
  }
  const last = chain.at(-1);
  if (last) {
    const [totals] = await workerEpochs(database, last.epoch, worker);
    assert.equal(totals?.lastSequence, last.sequence);
    assert.deepEqual(Buffer.from(totals?.lastReceiptHash ?? []), Buffer.from(previous));
  }
  return chain;
}

/** Settled by terms of that version from now on. */
async function nextEpoch(nextTermsVersion: number): Promise<bigint> {
  const { number } = await openEpoch(database);
  const change = { number, at: AT, nextTermsVersion };
  await database.transact((tx) => switchEpoch(tx, change));
  return number + 1n;
}

test('a receipt says what was done, what it is worth and by which price', async () => {
  const worker = await enrol();
  const signature = Uint8Array.from(randomBytes(32));
  const paid = credited(worker, 1_000n, {
    price: { numerator: 7n, denominator: 3n },
    gatewaySignatureHash: signature,
  });
  const free = read(bodyOf(await ledger.append(credited(worker, 500n))));
  const receipt = read(bodyOf(await ledger.append(paid)));
  assert.deepEqual(free.basis, 'none');
  assert.deepEqual([free.asset, free.amount, free.epochAmount], ['', 0n, 0n]);
  assert.deepEqual(Buffer.from(receipt.pool), Buffer.from(POOL));
  assert.equal(receipt.chainId, 42_161n);
  assert.equal(Buffer.from(receipt.job).toString('hex'), paid.job.replaceAll('-', ''));
  assert.deepEqual(Buffer.from(receipt.inputHash), Buffer.from(paid.sourceHash));
  assert.deepEqual(Buffer.from(receipt.gatewaySignatureHash), Buffer.from(signature));
  assert.deepEqual(
    [receipt.basis, receipt.asset, receipt.amount, receipt.units, receipt.epochUnits],
    ['gateway_price', 'ETH', 2_333n, 1_000n, 1_500n],
  );
  assert.deepEqual([receipt.deviceMs, receipt.at, receipt.sequence], [650, AT, 2n]);
  await checkedChain(worker);
});

test('under terms with a fixed rate the receipt says what is owed, whatever the gateway pays', async () => {
  const worker = await enrol();
  await nextEpoch(7);
  const price = { numerator: 9n, denominator: 1n };
  const receipt = read(bodyOf(await ledger.append(credited(worker, 100n, { price }))));
  assert.deepEqual([receipt.basis, receipt.asset, receipt.amount], ['terms_rate', 'USDC', 66n]);
  await nextEpoch(0);
  const rate = { asset: USDC, amount: 5n, count: 1_000n };
  const model = { kind: 'fixed_rate', per: 'pixel', rate } as const;
  assert.deepEqual(rateOfTerms({ ...defaultTerms, model }), {
    asset: USDC,
    numerator: 5n,
    denominator: 1_000n,
  });
  assert.equal(rateOfTerms({ ...defaultTerms, model: { ...model, per: 'job' } }), undefined);
  assert.equal(rateOfTerms(defaultTerms), undefined);
});

test('the signature holds under the key that the receipt names, also after that was rotated', async () => {
  const worker = await enrol();
  const body = bodyOf(await ledger.append(credited(worker, 1n)));
  const signed = (await ledger.signed(body)) as Uint8Array;
  await createSecrets(database).rotate('receipt_key', 0);
  await ledger.keys.reload();
  const later = bodyOf(await ledger.append(credited(worker, 1n)));
  assert.notDeepEqual(Buffer.from(read(later).key), Buffer.from(read(body).key));
  assert.deepEqual(await ledger.signed(body), signed);
  // The other node was not told: it knows the new key as soon as it meets it.
  for (const bytes of [signed, (await otherNode.signed(later)) as Uint8Array]) {
    const parts = splitSigned(bytes);
    assert.ok(parts);
    const x = Buffer.from(parts.receipt.key).toString('base64url');
    const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
    assert.ok(verify(null, parts.body, key, parts.signature));
  }
  const foreign = Uint8Array.from(body);
  foreign.fill(9, 36, 68);
  assert.equal(await ledger.signed(foreign), undefined);
  assert.equal((await ledger.keys.all()).length, 2);
});

test('whatever comes in on two nodes, each worker has one chain without a gap, exact to the pixel', async () => {
  const entry = fc.record({
    node: fc.boolean(),
    worker: fc.nat(3),
    units: fc.bigInt(0n, 2n ** 53n - 1n),
    price: fc.option(fc.record({ numerator: u64(0n), denominator: u64(1n) }), { nil: undefined }),
    verdict: fc.constantFrom('credited', 'credited', 'credited', 'again', ...failedVerdicts),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 120 }), async (entries) => {
      const workers = await Promise.all([enrol(), enrol(), enrol(), enrol()]);
      let last: Contribution | undefined;
      const appended = entries.map(({ node, worker, units, price, verdict }) => {
        const of = workers[worker] as WorkerId;
        const contribution: Contribution =
          verdict === 'again'
            ? (last ?? credited(of, units))
            : verdict === 'credited'
              ? credited(of, units, price ? { price } : {})
              : { ...attempt(of), verdict, reason: 'x' };
        last = contribution;
        return { contribution, done: (node ? ledger : otherNode).append(contribution) };
      });
      const outcomes = await Promise.all(appended.map(({ done }) => done));
      const { number } = await openEpoch(database);
      for (const worker of workers) {
        const stored = appended.filter(
          ({ contribution }, index) =>
            contribution.worker === worker && outcomes[index]?.result === 'stored',
        );
        const paid = stored.flatMap(({ contribution }) =>
          contribution.verdict === 'credited' ? [contribution.pixels as bigint] : [],
        );
        const lost = stored.filter(
          ({ contribution: { verdict } }) => verdict !== 'credited' && verdict !== 'superseded',
        );
        const chain = await checkedChain(worker);
        assert.deepEqual(
          chain.map(({ units }) => units).toSorted(ascending),
          paid.toSorted(ascending),
        );
        const [totals] = await workerEpochs(database, number, worker);
        assert.equal(totals?.failedAttempts ?? 0n, BigInt(lost.length));
        assert.equal(totals?.sourceMs ?? 0n, 2_000n * BigInt(paid.length));
        assert.equal(totals?.deviceMs ?? 0n, 650n * BigInt(paid.length));
      }
    }),
    { numRuns: 25 },
  );
});

const u64 = (min: bigint) => fc.bigInt(min, 2n ** 63n - 1n);
const ascending = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);

test('epochs that end while contributions come in divide them: each is in one, and nothing is lost', async () => {
  const workers = await Promise.all([enrol(), enrol(), enrol()]);
  const first = (await openEpoch(database)).number;
  const appending = Array.from({ length: 600 }, async (_, index) => {
    const worker = workers[index % 3] as WorkerId;
    await ledger.append(credited(worker, 1n));
    await otherNode.append(credited(worker, 1n));
  });
  for (let turn = 0; turn < 6; turn++) {
    await appending[turn * 100];
    await nextEpoch(0);
  }
  await Promise.all(appending);
  const last = (await openEpoch(database)).number;
  let jobs = 0n;
  for (let epoch = first; epoch <= last; epoch++) {
    for (const totals of await workerEpochs(database, epoch)) {
      if (workers.includes(totals.worker)) jobs += totals.jobs;
    }
  }
  assert.equal(jobs, 1_200n);
  for (const worker of workers) assert.equal((await checkedChain(worker)).length, 400);
});

test('who reads on through all receipts sees each of them once, while others are being written', async () => {
  const worker = await enrol();
  const seen: bigint[] = [];
  let cursor = receiptsStart;
  const readOn = async () => {
    for (;;) {
      const more = await receiptsAfter(database, cursor);
      for (const receipt of more) if (receipt.worker === worker) seen.push(receipt.sequence);
      const last = more.at(-1);
      if (!last) return;
      cursor = last.cursor;
    }
  };
  const appending = Array.from({ length: 400 }, (_, index) =>
    (index % 2 ? ledger : otherNode).append(credited(worker, 1n)),
  );
  for (const one of appending.slice(0, 50)) {
    await one;
    await readOn();
  }
  await Promise.all(appending);
  await readOn();
  assert.deepEqual(
    seen.toSorted(ascending),
    Array.from({ length: 400 }, (_, index) => BigInt(index + 1)),
  );
});

test('the database itself keeps receipts, totals and epochs as they are', async () => {
  const worker = await enrol();
  await ledger.append(credited(worker, 5n, { price: { numerator: 1n, denominator: 1n } }));
  const { number } = await openEpoch(database);
  const refused: readonly [Sql, RegExp][] = [
    [sql`update receipt set body = ''`, /never changed/],
    [sql`delete from receipt`, /never changed/],
    [sql`truncate receipt cascade`, /never changed/],
    [sql`update worker_epoch set units = units - 1 where worker = ${worker}`, /only grow/],
    [sql`update worker_epoch set jobs = jobs + 1 where worker = ${worker}`, /has_no_gap/],
    [sql`update worker_epoch set asset = 'LPT' where worker = ${worker}`, /only grow/],
    [sql`delete from worker_epoch`, /only grow/],
    [
      sql`update epoch set state = 'closed', ended_at = now(), closed_at = now()
      where number = ${number}`,
      /open to closing/,
    ],
    [sql`update epoch set terms_version = 3 where number = ${number}`, /open to closing/],
    [sql`delete from epoch`, /open to closing/],
    [sql`insert into epoch (number) values (1000)`, /epoch_one_is_open/],
  ];
  for (const [statement, why] of refused) await assert.rejects(run(statement), why);
  await nextEpoch(0);
  await assert.rejects(
    run(sql`update worker_epoch set units = units + 1 where worker = ${worker}`),
    /only while it is open/,
  );
  assert.equal(await database.transact((tx) => closeEpoch(tx, number, AT)), true);
  assert.equal(await database.transact((tx) => closeEpoch(tx, number, AT)), false);
  const again = { number, at: AT, nextTermsVersion: 0 };
  assert.equal(await database.transact((tx) => switchEpoch(tx, again)), undefined);
});

test('device time runs from the whole source to the whole result', () => {
  assert.equal(deviceTime({ queuedMs: 10, fetchedMs: 50, uploadedMs: 700 }), 650);
  assert.equal(deviceTime({ queuedMs: 10, uploadedMs: 700 }), 690);
  assert.equal(deviceTime({ fetchedMs: 800, uploadedMs: 700 }), 0);
  assert.equal(deviceTime({ fetchedMs: 800 }), 0);
});
