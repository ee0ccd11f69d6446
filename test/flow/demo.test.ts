import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../eventually.ts';
import { startTributary } from '../tributary-process.ts';

test('the demo kills the busy worker, redeems what was won, pays, and stays to be looked at', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-demo-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const output = join(folder, 'hls');
  const svg = join(folder, 'screen.svg');
  const demo = startTributary(
    t,
    [
      ...['demo', '--segments', '6', '--output', output, '--svg', svg, '--json'],
      ...['--stay', '--http-addr', '127.0.0.1:0'],
    ],
    { TMPDIR: folder },
  );
  await Promise.race([
    demo.exited,
    eventually('it says where to look', async () => /until Ctrl-C/.test(demo.printed.err), 300_000),
  ]);
  const shown = (name: string) => new RegExp(`${name} +(\\S+)`).exec(demo.printed.err)?.[1] ?? '';
  assert.notEqual(shown('Public page'), '', demo.printed.err);
  const page = await (await fetch(shown('Public page'))).text();
  assert.match(page, /Demo pool/);
  for (const name of ['Worker portal', 'Operator console']) {
    assert.match(await (await fetch(shown(name))).text(), /Sign in/, name);
  }
  const scratch = (await readdir(folder)).find((name) => name.startsWith('tributary-demo-')) ?? '';
  await eventually('the books of what stays agree with the chain', async () => {
    const where = ['--data-dir', join(folder, scratch, 'pool')];
    const books = startTributary(t, ['payouts', 'reconcile', ...where]);
    await books.exited;
    return /^Ledger, chain, receipts and payouts agree\.$/m.test(books.printed.out);
  });
  demo.child.kill('SIGINT');
  const code = await demo.exited;
  assert.equal(code, 0, demo.printed.err);

  const result = JSON.parse(demo.printed.out);
  assert.deepEqual(
    result.checks.map(({ ok }: { ok: boolean }) => ok),
    Array(10).fill(true),
    demo.printed.out,
  );
  assert.equal(result.pool.redeemedWei, result.chain.paidWei);
  assert.equal(result.gateway.segments, 6);
  const credited = result.workers.map(({ pixels }: { pixels: string }) => BigInt(pixels));
  assert.equal(
    credited.reduce((sum: bigint, one: bigint) => sum + one, 0n),
    BigInt(result.gateway.pixels),
  );
  const found = result.pay.verdicts.map(({ found }: { found: { ok: boolean } }) => found.ok);
  assert.deepEqual(found, [true, true]);
  assert.match(await readFile(svg, 'utf8'), /All 6 segments came back/);
  // Nothing stays but what was asked for.
  assert.deepEqual((await readdir(folder)).sort(), ['hls', 'screen.svg']);
});
