import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackoff, STABLE_MS } from './backoff.ts';

test('waits grow from half a second to a minute', () => {
  const backoff = createBackoff(() => 0.5);
  const waits = Array.from({ length: 20 }, () => backoff.next());
  assert.deepEqual(waits.slice(0, 4), [500, 750, 1125, 1688]);
  assert.equal(waits.at(-1), 60_000);
});

test('waits spread by half in both directions', () => {
  assert.equal(createBackoff(() => 0).next(), 250);
  assert.equal(createBackoff(() => 0.999999).next(), 750);
});

test('a stable connection starts the waits over, a short one does not', () => {
  const backoff = createBackoff(() => 0.5);
  for (let loss = 0; loss < 10; loss++) backoff.next();
  backoff.lived(STABLE_MS - 1);
  assert.ok(backoff.next() > 10_000);
  backoff.lived(STABLE_MS);
  assert.equal(backoff.next(), 500);
});
