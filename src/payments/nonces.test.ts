import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetExpired, type NonceMemory, rememberNonces } from './nonces.ts';

test('nonces are kept beyond the expiry, for a head that falls back, and then forgotten', () => {
  let memory: NonceMemory = new Map();
  memory = rememberNonces(memory, 'aa', 140n, [1, 2]);
  memory = rememberNonces(memory, 'aa', 140n, [2, 3]);
  memory = rememberNonces(memory, 'bb', 141n, [1]);
  assert.deepEqual(memory.get('aa')?.seen, new Set([1, 2, 3]));
  assert.deepEqual([...forgetExpired(memory, 267n).keys()], ['aa', 'bb']);
  assert.deepEqual([...forgetExpired(memory, 268n).keys()], ['bb']);
});
