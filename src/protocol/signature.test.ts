import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keccak256 } from '../base/keccak.ts';
import {
  addressOf,
  checksumAddress,
  keySigner,
  offchainSigner,
  orchestratorRequestMessage,
  orchestratorRequestSigned,
  parseAddress,
  personalDigest,
  recover,
  signedBy,
  signMessage,
} from './signature.ts';

const key = Buffer.alloc(32, 7);
/** n - s: the twin that every signature has. */
function highTwin(sig: Uint8Array): Uint8Array {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = BigInt(`0x${Buffer.from(sig.subarray(32, 64)).toString('hex')}`);
  const twin = Uint8Array.from(sig);
  twin.set(Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex'), 32);
  twin[64] = sig[64] === 27 ? 28 : 27;
  return twin;
}

test('the known key 1 has the known address, checksum and all', () => {
  const one = Buffer.alloc(32);
  one[31] = 1;
  assert.equal(checksumAddress(addressOf(one)), '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf');
});

test('what a key signs recovers to its address, for any message', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((bytes) => bytes[0] !== 255),
      fc.uint8Array({ maxLength: 300 }),
      (bytes, message) => {
        fc.pre(bytes.some((byte) => byte !== 0));
        const signer = keySigner(bytes);
        const sig = signer.sign(message);
        assert.equal(sig.length, 65);
        assert.deepEqual(recover(personalDigest(keccak256(message)), sig), signer.address);
        assert.ok(signedBy(signer.address, message, sig));
      },
    ),
    { numRuns: 50 },
  );
});

test('no signature of another form is one: length, v, high s, zeros', () => {
  const message = Buffer.from('hello');
  const digest = personalDigest(keccak256(message));
  const sig = signMessage(key, message);
  assert.ok(recover(digest, sig));
  assert.equal(recover(digest, sig.subarray(0, 64)), undefined);
  assert.equal(recover(digest, Buffer.concat([sig, Buffer.of(0)])), undefined);
  assert.equal(recover(digest, new Uint8Array(0)), undefined);
  assert.equal(recover(digest, highTwin(sig)), undefined);
  for (const v of [0, 1, 26, 29, 255]) {
    assert.equal(recover(digest, Uint8Array.from([...sig.subarray(0, 64), v])), undefined);
  }
  assert.equal(recover(digest, Uint8Array.from([...new Uint8Array(64), 27])), undefined);
  assert.equal(recover(digest.subarray(1), sig), undefined);
});

test('any 65 bytes give an address or nothing, never a throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 60, maxLength: 70 }), (bytes) => {
      const sig = Uint8Array.from(bytes);
      if (sig.length === 65) sig[64] = 27 + ((sig[64] as number) & 1);
      const address = recover(keccak256(bytes), sig);
      assert.ok(address === undefined || address.length === 20);
    }),
  );
});

test("a gateway's request is signed over the text of its address and serves nobody else", () => {
  const gateway = keySigner(key);
  const sig = gateway.sign(orchestratorRequestMessage(gateway.address));
  assert.ok(orchestratorRequestSigned(gateway.address, sig));
  const padded = Buffer.concat([Buffer.alloc(12), gateway.address]);
  assert.ok(orchestratorRequestSigned(padded, sig), 'cropped from the left');
  assert.ok(!orchestratorRequestSigned(Buffer.alloc(20, 1), sig));
});

test('off-chain nothing is signed', () => {
  assert.equal(offchainSigner.sign(Buffer.from('x')).length, 0);
  assert.equal(checksumAddress(offchainSigner.address), `0x${'0'.repeat(40)}`);
});

test('an address is read with its checksum, or in one case without', () => {
  const text = '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf';
  assert.ok(parseAddress(text));
  assert.ok(parseAddress(text.toLowerCase()));
  assert.equal(parseAddress(text.replace('E', 'e')), undefined);
  assert.equal(parseAddress(text.slice(2)), undefined);
  assert.equal(parseAddress(`${text}00`), undefined);
});

test('a key that is none is refused', () => {
  assert.throws(() => keySigner(new Uint8Array(32)), RangeError);
  assert.throws(() => keySigner(new Uint8Array(31).fill(1)), RangeError);
});
