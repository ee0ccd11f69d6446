import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAnsweringThread } from './answering-thread.ts';
import { TributaryError } from './errors.ts';

type Request = { readonly id: number; readonly add: number | 'sum' | 'die' };

function start(t: TestContext) {
  const thread = createAnsweringThread<Request, { readonly id: number; readonly sum: number }>({
    module: new URL('./answering-thread.fixture-thread.ts', import.meta.url),
    name: 'a test thread',
    closed: () => new TributaryError('hashing_closed', 'closed'),
  });
  t.after(() => thread.close());
  return thread;
}

test('questions of several messages are answered in any order', async (t) => {
  const thread = start(t);
  const [first, second] = [thread.ask(), thread.ask()];
  first.post({ id: first.id, add: 1 });
  second.post({ id: second.id, add: 2 });
  assert.equal(thread.load, 2);
  second.post({ id: second.id, add: 'sum' });
  assert.equal((await second.answer).sum, 2);
  first.post({ id: first.id, add: 'sum' });
  assert.equal((await first.answer).sum, 1);
  assert.equal(thread.load, 0);
});

test('a thread that died fails what it had, and another one answers what comes next', async (t) => {
  const thread = start(t);
  const [held, fatal] = [thread.ask(), thread.ask()];
  fatal.post({ id: fatal.id, add: 'die' });
  const died = { code: 'internal', message: /a test thread died: as it was told/ };
  await assert.rejects(held.answer, died);
  await assert.rejects(fatal.answer, died);
  assert.equal(thread.load, 0);
  const next = thread.ask();
  next.post({ id: next.id, add: 3 });
  next.post({ id: next.id, add: 'sum' });
  assert.equal((await next.answer).sum, 3);
});

test('what a closed thread did not answer rejects as its owner says', async (t) => {
  const thread = start(t);
  const { answer } = thread.ask();
  await thread.close();
  await assert.rejects(answer, { code: 'hashing_closed' });
});
