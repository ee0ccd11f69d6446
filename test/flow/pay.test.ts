import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createReceiptKeeper } from '../../src/programs/worker/receipts.ts';
import { openReceiptStore } from '../../src/programs/worker/receipts-store.ts';
import { nodeHashing } from '../../src/proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../src/proofs/node-signatures.ts';
import { eventually } from '../eventually.ts';
import { stampedRenditions, stampedSource } from '../fixtures/renditions.ts';
import { type OwnWorker, startOwnWorker } from '../own-worker.ts';
import type { PayingGateway } from '../paying-gateway.ts';
import { totalsOf } from '../pool-figures.ts';
import { type PoolProcess, startPoolProcess } from '../pool-process.ts';
import { hasPython, verify as verifyInPython } from '../proofs/python-verifier.ts';
import { startFundedGateway, startTestChain, type TestChain } from '../start-chain-pool.ts';
import type { Cleanup, Enrolment } from '../start-pool.ts';
import { joinStock } from '../start-pool-with-worker.ts';
import { startTributary } from '../tributary-process.ts';

// A pool as it is run, a worker of ours, a stock one, a gateway that pays on a chain of its own.
const cleanups: (() => void | Promise<void>)[] = [];
const whole: Cleanup = { after: (run) => void cleanups.push(run) };
after(async () => {
  for (const run of cleanups.toReversed()) await run();
});
let folder: string;
let chain: TestChain;
let pool: PoolProcess;
let gateway: PayingGateway;
let own: OwnWorker;
let heron: Enrolment;
let otter: Enrolment;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tributary-pay-'));
  whole.after(() => rm(folder, { recursive: true, force: true }));
  chain = await startTestChain(whole, { roundLength: 400 });
  pool = await startPoolProcess(whole, [
    ...chain.flags(),
    '--price=1000wei',
    '--reward=off',
    '--anchor',
  ]);
  heron = await pool.enrol('heron');
  otter = await pool.enrol('otter');
  const receipts = createReceiptKeeper({
    store: openReceiptStore(receiptsOf('heron')),
    hashing: nodeHashing,
    verifyEd25519: nodeVerifyEd25519,
  });
  await stampedRenditions(['P240p30fps16x9']); // made once, while nobody waits
  own = await startOwnWorker(whole, heron.join, { receipts });
  await own.ready;
  gateway = await startFundedGateway(whole, chain, pool);
});

/** Pays for so many segments at a time, each in a session of its own. */
async function stream(segments: number): Promise<void> {
  const one = async () => {
    const reply = await gateway.submit(await gateway.session(), await stampedSource(), {
      tickets: 2,
      segment: { durationMs: 20_000 },
    });
    assert.equal(reply.result?.result.kind, 'done', reply.text);
  };
  await Promise.all(Array.from({ length: segments }, one));
}

const receiptsOf = (worker: string) => join(folder, 'receipts', worker);

/** What our worker does by itself: asks the pool for its receipts, and keeps them. */
async function fetchReceipts({ name, credential }: Enrolment): Promise<void> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  do {
    const from = pieces.reduce((sum, { length }) => sum + length, 0) / 426 + 1;
    const response = await fetch(`${pool.publicUrl}/proofs/receipts?from=${from}`, {
      headers: { authorization: `Bearer ${credential}` },
    });
    assert.equal(response.status, 200);
    pieces.push(Buffer.from(await response.arrayBuffer()));
    bytes = pieces.at(-1)?.length ?? 0;
  } while (bytes > 0);
  await mkdir(receiptsOf(name), { recursive: true });
  await writeFile(join(receiptsOf(name), 'all.receipts'), Buffer.concat(pieces));
}

async function closeEpoch(number: number): Promise<void> {
  const closing = startTributary(whole, ['epoch', 'close', '--yes', '--data-dir', pool.dataDir]);
  assert.equal(await closing.exited, 0, closing.printed.err);
  assert.match(closing.printed.out, new RegExp(`^Epoch ${number} is closed and published\\.`));
}

async function verify(place: string, name: string): Promise<{ code: unknown; out: string }> {
  const { url, addresses } = chain.devnet;
  const verifier = startTributary(whole, [
    ...['verify', '--pool', place, '--worker', name, '--receipts', receiptsOf(name)],
    ...['--rpc', url, '--controller', addresses.Controller],
    ...(place === pool.publicUrl ? ['--keep', join(folder, 'kept')] : []),
  ]);
  const code = await verifier.exited;
  return { code, out: verifier.printed.out + verifier.printed.err };
}

test('each worker checks its pay from what is published, its receipts and the chain', async (t) => {
  await stream(3);
  await closeEpoch(1);

  await joinStock(whole, pool, { enrolment: otter });
  await eventually('the stock worker gets work, too', async () => {
    await stream(4);
    return (await totalsOf(pool, otter.id)).segments > 0;
  });
  await fetchReceipts(otter);
  await closeEpoch(2);
  const anchors = join(pool.dataDir, 'proofs', 'anchors.json');
  await eventually('an anchor is published', () => existsSync(anchors));

  const done = (await totalsOf(pool, heron.id)).segments;
  await own.until(({ receipts: held }) => held?.kept === done);
  // In epoch 2 dispatch may have given all work to the newcomer.
  for (const [{ name }, worked] of [
    [heron, 1],
    [otter, 2],
  ] as const) {
    const { code, out } = await verify(pool.publicUrl, name);
    t.diagnostic(out);
    assert.equal(code, 0, out);
    assert.match(out, /epoch 1 .* owed .* recomputed, paid nothing/);
    const line = '[1-9]\\d* receipts, \\d+ units, owed 0\\.\\d+ ETH recomputed';
    assert.match(out, new RegExp(`epoch ${worked} .* ${line}`));
    assert.match(out, /epoch 2 .* owed .* recomputed, paid nothing/);
    assert.match(out, /\nOK: owed 0\.\d+ ETH, paid nothing\n/);
    assert.doesNotMatch(out, /No receipts were given|No chain was given/);
    assert.match(out, /The chain holds the record of epoch [12]\./);
  }
});

test('one published byte that is not what it was is found, and named', async () => {
  const copy = join(folder, 'copy');
  await cp(join(folder, 'kept'), copy, { recursive: true });
  assert.equal((await verify(copy, 'heron')).code, 0);
  const anchors = join(copy, 'anchors.json');
  const listed = await readFile(anchors, 'utf8');
  await writeFile(anchors, listed.replaceAll(/0x[0-9a-f]{64}/g, `0x${'1'.repeat(64)}`));
  const moved = await verify(copy, 'heron');
  assert.match(moved.out, /WRONG: epoch [12]: .* anchored by .* not final on the chain/);
  await writeFile(anchors, listed);

  const input = join(copy, 'epoch-2', 'input.json');
  const text = await readFile(input, 'utf8');
  const changed = text.replace(/"units":"(\d)/, (_, digit) => `"units":"${(+digit % 9) + 1}`);
  assert.notEqual(changed, text);
  await writeFile(input, changed);
  const { code, out } = await verify(copy, 'heron');
  assert.equal(code, 1);
  assert.match(out, /epoch 1 .* recomputed/);
  assert.match(out, /WRONG: epoch 2: epoch-2\/input\.json is not what the record of the epoch/);
});

test('a receipt that was lost is missed', async () => {
  const [file = ''] = await readdir(receiptsOf('otter'));
  const path = join(receiptsOf('otter'), file);
  const whole = await readFile(path);
  await writeFile(path, whole.subarray(426));
  const { code, out } = await verify(pool.publicUrl, 'otter');
  await writeFile(path, whole);
  assert.equal(code, 1);
  assert.match(out, /WRONG: epoch 2: receipt /);
});

test('the second verifier finds the same in what was kept of a check', async (t) => {
  if (!hasPython(t)) return;
  const files = await Promise.all(
    ['heron', 'otter'].map(async (name) =>
      (await readdir(receiptsOf(name))).map((file) => join(receiptsOf(name), file)),
    ),
  );
  const good = verifyInPython([join(folder, 'kept'), ...files.flat()]);
  assert.equal(good.code, 0, good.text);
  const bad = verifyInPython([join(folder, 'copy')]);
  assert.equal(bad.code, 1);
  assert.match(bad.text, /epoch-2|epoch 2/);
});
