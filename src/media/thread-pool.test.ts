import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createThreadPool } from './thread-pool.ts';

const open = (threads = 1) =>
  createThreadPool<string, string>({
    module: new URL('./thread-pool.fixture-thread.ts', import.meta.url),
    threads,
    closeLimitMs: 20,
  });

test('a thread that throws, dies or hangs costs only its own item', async () => {
  const pool = open();
  const outcomes = await Promise.all([
    pool.run('a'),
    pool.run('throw'),
    pool.run('b'),
    pool.run('die'),
    pool.run('c'),
    pool.run('hang', { limitMs: 50 }),
    pool.run('d'),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.ok ? outcome.value : outcome.reason)),
    ['a!', 'failed', 'b!', 'failed', 'c!', 'timeout', 'd!'],
  );
  assert.equal(pool.load, 0);
  await pool.close();
});

test('closing settles what runs and what waits, and later items at once', async () => {
  const pool = open();
  const pending = [pool.run('hang'), pool.run('a')];
  assert.equal(pool.load, 2);
  await pool.close();
  for (const outcome of [...(await Promise.all(pending)), await pool.run('b')]) {
    assert.equal(outcome.ok ? 'ok' : outcome.reason, 'closed');
  }
});

test('a pool whose threads all hang refuses rather than waits', async () => {
  const pool = open();
  const wishes = Array.from({ length: 6 }, () => pool.run('hang', { limitMs: 1 }));
  for (const outcome of await Promise.all(wishes)) {
    assert.equal(outcome.ok ? 'ok' : outcome.reason, 'timeout');
  }
  await pool.close();
});

test('a thread at work when its pool closes is waited for', async () => {
  const pool = createThreadPool<string, string>({
    module: new URL('./thread-pool.fixture-thread.ts', import.meta.url),
    threads: 1,
  });
  const pending = pool.run('work');
  await pool.close();
  assert.equal((await pending).ok, false);
});

test('items run side by side up to the number of threads', async () => {
  const pool = open(2);
  const hung = pool.run('hang');
  assert.deepEqual(await pool.run('a'), { ok: true, value: 'a!' });
  await pool.close();
  assert.equal((await hung).ok, false);
});
