import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { connectHttp } from '../../src/http/client.ts';
import { createReceiptKeeper } from '../../src/programs/worker/receipts.ts';
import { openReceiptStore } from '../../src/programs/worker/receipts-store.ts';
import { toHex } from '../../src/proofs/bytes.ts';
import { nodeHashing } from '../../src/proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../src/proofs/node-signatures.ts';
import { chainStart, checkReceipts } from '../../src/proofs/receipt-chain.ts';
import { readReceiptsFile } from '../../src/proofs/receipts-file.ts';
import { stampedSource } from '../fixtures/renditions.ts';
import { startOwnWorker } from '../own-worker.ts';
import { totalsOf } from '../pool-figures.ts';
import { startTestPool } from '../start-pool.ts';
import { startStockGateway } from '../stock-gateway.ts';
import { startTcpProxy } from '../tcp-proxy.ts';

const parts = { hashing: nodeHashing, verifyEd25519: nodeVerifyEd25519 };

test('our worker holds a whole chain of receipts for what a real pool credited, over a restart', async (t) => {
  const pool = await startTestPool({ after });
  const gateway = startStockGateway(pool.port);
  after(() => gateway.close());
  const dir = mkdtempSync(join(tmpdir(), 'tributary-receipts-'));
  after(() => rmSync(dir, { recursive: true }));
  const enrolled = await pool.enrol('holder');
  const source = await stampedSource();
  const submit = async () => {
    const reply = await gateway.submit(await gateway.session(), source, { durationMs: 20_000 });
    assert.equal(reply.result?.result.kind, 'done');
  };

  for (let run = 0; run < 2; run += 1) {
    const receipts = createReceiptKeeper({ store: openReceiptStore(dir), ...parts });
    const worker = await startOwnWorker(t, enrolled.join, { receipts });
    await worker.ready;
    await submit();
    await Promise.all([submit(), submit(), submit()]);
    const { tally } = await worker.until(({ receipts: held }) => held?.kept === 4);
    assert.deepEqual(receipts.figures, { kept: 4, missing: 0 });
    assert.equal(tally.lastError, undefined);
    await worker.stop();
  }

  const chain = readAll(dir).toSorted((a, b) => Number(a.receipt.sequence - b.receipt.sequence));
  const checked = checkReceipts(chain, chainStart, {
    ...parts,
    identity: { pool: new Uint8Array(20), chainId: 0n },
    worker: enrolled.id,
    keys: new Set(chain.map(({ receipt }) => toHex(receipt.key))),
    signatures: 'every',
  });
  assert.ok(checked.ok);
  assert.equal(checked.head.sequence, 8n);
  assert.equal(String(checked.head.sums?.units), (await totalsOf(pool, enrolled.id)).pixels);
});

test('a worker whose connection dies while answers are under way fetches what it missed', async (t) => {
  const pool = await startTestPool({ after });
  const gateway = startStockGateway(pool.port);
  after(() => gateway.close());
  const proxy = await startTcpProxy(t, pool.port);
  const dir = mkdtempSync(join(tmpdir(), 'tributary-receipts-'));
  after(() => rmSync(dir, { recursive: true }));
  const enrolled = await pool.enrol('cut-off');
  const source = await stampedSource();
  const submit = async () => {
    const reply = await gateway.submit(await gateway.session(), source, { durationMs: 20_000 });
    assert.equal(reply.result?.result.kind, 'done');
  };
  const receipts = createReceiptKeeper({ store: openReceiptStore(dir), ...parts });
  const posting = Promise.withResolvers<void>();
  let atWork = 0;
  let isCut = false;
  const worker = await startOwnWorker(
    t,
    enrolled.join.replace(`:${pool.port}/`, `:${proxy.port}/`),
    {
      receipts,
      async before() {
        if (!isCut) return;
        atWork += 1;
        if (atWork === 3) posting.resolve();
        await posting.promise;
      },
    },
  );
  await worker.ready;
  await submit();
  await worker.until(({ receipts: held }) => held?.kept === 1);

  // Three results arrive and are credited, and nothing of the pool's answers comes back.
  isCut = true;
  posting.promise.then(() => proxy.holdAnswers());
  await Promise.all([submit(), submit(), submit()]);
  assert.equal(receipts.figures.kept, 1);
  proxy.cut();
  proxy.pass();
  isCut = false;
  await worker.until(({ receipts: held }) => held?.kept === 4);
  await worker.until(({ link }) => link.state === 'connected');
  await submit();
  await worker.until(({ receipts: held }) => held?.kept === 5);
  assert.equal(receipts.figures.missing, 0);
  assert.deepEqual(sequencesIn(dir), [1n, 2n, 3n, 4n, 5n]);

  // A new folder, as on a new machine: all of them come, also those of before.
  await worker.stop();
  const other = mkdtempSync(join(tmpdir(), 'tributary-receipts-'));
  after(() => rmSync(other, { recursive: true }));
  const fresh = createReceiptKeeper({ store: openReceiptStore(other), ...parts });
  const next = await startOwnWorker(t, enrolled.join, { receipts: fresh });
  await next.until(({ receipts: held }) => held?.kept === 5);
  await next.stop();
  assert.deepEqual(sequencesIn(other), [1n, 2n, 3n, 4n, 5n]);
  assert.equal(readAll(dir).length, readAll(other).length);
});

test('a worker gets its own receipts at the address that it works for, and nobody else does', async (t) => {
  const pool = await startTestPool(t);
  const { credential } = await pool.enrol('asker');
  const client = connectHttp({ origin: `https://127.0.0.1:${pool.port}`, clock: systemClock });
  t.after(() => client.close());
  const asked = async (credentials: string, query = '', method: 'GET' | 'POST' = 'GET') => {
    const headers = { authorization: 'Livepeer-Transcoder-1.0', credentials };
    const path = `/proofs/receipts${query}`;
    return client.request({ method, path, headers }).then(({ status }) => status);
  };
  assert.equal(await asked(credential), 200);
  assert.equal(await asked(credential, '?from=7'), 200);
  assert.equal(await asked(credential, '?from=-1'), 400);
  assert.equal(await asked(credential, '', 'POST'), 405);
  assert.equal(await asked(`${credential.slice(0, -1)}?`), 401);
});

const readAll = (dir: string) =>
  readdirSync(dir).flatMap((name) => {
    const file = readReceiptsFile(readFileSync(join(dir, name)));
    return file.ok ? file.receipts : [];
  });

const sequencesIn = (dir: string) =>
  readAll(dir)
    .map(({ receipt }) => receipt.sequence)
    .toSorted((a, b) => Number(a - b));
