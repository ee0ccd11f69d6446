import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pingReply } from './ping.ts';

/** Signs nothing, but shows what it would have signed. */
const signing = {
  signPing: async (value: Uint8Array) => Buffer.concat([Buffer.from('signed:'), value]),
};

test('short values are signed for anybody', async () => {
  for (const bytes of [1, 5, 31]) {
    const value = Buffer.alloc(bytes, 7);
    assert.deepEqual(await pingReply(value, signing), await signing.signPing(value));
  }
});

test('nothing is signed that could be a ticket, a result, a segment or an address', async () => {
  for (const bytes of [0, 32, 33, 42, 64, 72, 85, 96, 232, 4_096]) {
    assert.equal(await pingReply(Buffer.alloc(bytes, 7), signing), undefined, `${bytes}`);
  }
});
