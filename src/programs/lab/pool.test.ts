import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { serveAdmin } from '../../api/admin.ts';
import { apiOf, workersListed } from '../../api/api.test-kit.ts';
import { epochsRoutes } from '../../api/epochs-routes.ts';
import { termsRoutes } from '../../api/terms-routes.ts';
import { keptIo } from '../../base/kept-io.test-kit.ts';
import { quiet } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { closeNow } from '../../epochs/close.ts';
import { openBooks } from '../../epochs/epochs.test-kit.ts';
import { starterFile } from '../../terms/starter.ts';
import { createTermsService } from '../../terms/terms-service.ts';
import { run } from './main.ts';

const books = await openBooks();
const { database, parts, clock } = books;
const dir = await mkdtemp(join(tmpdir(), 'tributary-lab-pool-'));
const terms = createTermsService({
  ...{ database, clock, hashing: parts.hashing },
  sign: async () => assert.fail('nothing is published over this API'),
});
const routes = [
  ...epochsRoutes({ database, epochs: { closeNow: () => closeNow(parts) } }),
  ...termsRoutes({ terms }),
  workersListed(() => [{ id: enrolled, name: 'heron' }]),
];
let enrolled = '';
const admin = await serveAdmin(
  { api: apiOf(routes), metrics: createMetrics(), ready: async () => undefined, log: quiet },
  { host: '127.0.0.1', port: 0, tokenChosen: false },
);
after(async () => {
  await admin.close();
  await books[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

test('a running pool replays its epochs under other terms, also what it keeps private', async () => {
  await books.publish('privacy = "private"');
  const worker = await books.enrol();
  enrolled = worker;
  for (let epoch = 1; epoch <= 2; epoch += 1) {
    await books.work(worker, 100n, 1n);
    await books.earn(10n ** 18n);
    await closeNow(parts);
  }
  const file = join(dir, 'terms.toml');
  await writeFile(file, starterFile.replace('commission = "10%"', 'commission = "0%"'));
  const { io, out } = keptIo();
  const pool = ['--admin-url', `http://127.0.0.1:${admin.port}`, '--admin-token', 'token'];
  const replay = (to: string, kept = io, ...more: string[]) =>
    run(['replay', '--terms', file, '--from', '1', '--to', to, ...more, ...pool], kept);
  assert.equal(await replay('2', io, '--json'), 0);
  const { workers } = JSON.parse(out());
  assert.deepEqual(workers, [
    { worker, asset: 'ETH', was: `${18n * 10n ** 17n}`, wouldBe: `${2n * 10n ** 18n}` },
  ]);
  await assert.rejects(replay('3'), { code: 'epoch_unknown' });
  const people = keptIo();
  assert.equal(await replay('2', people.io), 0);
  assert.match(people.out(), /^heron +1\.8 +2 +\+0\.2 +ETH$/m);
});
