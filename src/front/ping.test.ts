import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secureRandom } from '../base/ids.ts';
import type { Signer } from '../protocol/signature.ts';
import { createSelfCheck, pingReply } from './ping.ts';

/** Signs nothing, but shows what it would have signed. */
const signer: Signer = {
  address: Buffer.alloc(20, 1),
  sign: (message) => Buffer.concat([Buffer.from('signed:'), message]),
};

test('short values are signed for anybody', () => {
  const selfCheck = createSelfCheck(secureRandom);
  for (const bytes of [1, 5, 31]) {
    const value = Buffer.alloc(bytes, 7);
    assert.deepEqual(pingReply(value, { signer, selfCheck }), signer.sign(value));
  }
});

test('nothing is signed that could be a ticket, a result, a segment or an address', () => {
  const selfCheck = createSelfCheck(secureRandom);
  for (const bytes of [0, 32, 33, 42, 64, 72, 85, 96, 232, 4_096]) {
    assert.equal(pingReply(Buffer.alloc(bytes, 7), { signer, selfCheck }), undefined, `${bytes}`);
  }
});

test('the nonce of the self-check is signed once, and only the latest', () => {
  const selfCheck = createSelfCheck(secureRandom);
  const earlier = Buffer.from(selfCheck.nonce());
  const nonce = Buffer.from(selfCheck.nonce());
  assert.equal(nonce.length, 32);
  assert.equal(pingReply(earlier, { signer, selfCheck }), undefined);
  assert.deepEqual(pingReply(nonce, { signer, selfCheck }), signer.sign(nonce));
  assert.equal(pingReply(nonce, { signer, selfCheck }), undefined, 'not a second time');
});

test('before any self-check no value of its length is taken', () => {
  assert.equal(createSelfCheck(secureRandom).take(new Uint8Array(32)), false);
});
