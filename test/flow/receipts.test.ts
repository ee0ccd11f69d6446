import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
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

  const read = readdirSync(dir).flatMap((name) => {
    const file = readReceiptsFile(readFileSync(join(dir, name)));
    return file.ok ? file.receipts : [];
  });
  const chain = read.toSorted((a, b) => Number(a.receipt.sequence - b.receipt.sequence));
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
