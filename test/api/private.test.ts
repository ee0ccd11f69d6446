import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { apiOf } from '../../src/api/api.test-kit.ts';
import { insideBindings } from '../../src/api/bindings.ts';
import { paidRoutes } from '../../src/api/paid-routes.ts';
import { openScratch } from '../../src/database/scratch.ts';
import { defaultTerms } from '../../src/terms/terms.ts';
import { createWorkers } from '../../src/workers/workers.ts';
import { giveHistory } from './api-kit.ts';

const scratch = await openScratch();
const { database } = scratch;
const workers = await createWorkers({ database });
after(async () => {
  await workers.close();
  await scratch[Symbol.asyncDispose]();
});

const paidBy = async (privacy: 'public' | 'private', query = '') => {
  const terms = {
    list: async () => ({ openEpoch: 1n, current: 0, versions: [] }),
    of: async () => ({ ...defaultTerms, version: 0, privacy }),
  };
  const api = apiOf(paidRoutes({ database, terms }));
  const request = new Request(`http://pool/api/v1/payouts${query}`);
  const reply = await api.answer(request, insideBindings({ kind: 'nobody' }));
  return (await reply.json()) as { items: Record<string, string>[]; next: string | null };
};

test('a private pool shows what it paid, and not to whom', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    const added = await workers.add({ name });
    assert.ok(added.ok);
    await giveHistory(database, added.worker.id, 1n);
  }
  const open = await paidBy('public');
  assert.deepEqual(Object.keys(open.items[0] ?? {}), [
    ...['id', 'at', 'amount', 'transaction', 'worker', 'to'],
  ]);
  const closed = await paidBy('private');
  assert.equal(closed.items.length, 5);
  for (const item of closed.items) {
    assert.deepEqual(Object.keys(item), ['id', 'at', 'amount', 'transaction']);
  }
});

test('pages hold every payout once, newest first, also of one moment', async () => {
  const { items } = await paidBy('public');
  const paged: Record<string, string>[] = [];
  let query = '?limit=2';
  for (;;) {
    const page = await paidBy('public', query);
    paged.push(...page.items);
    if (page.next === null) break;
    query = `?limit=2&cursor=${page.next}`;
  }
  assert.deepEqual(paged, items);
  const times = items.map(({ at }) => at);
  assert.deepEqual(times, times.toSorted().toReversed());
});
