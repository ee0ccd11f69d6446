import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { keccak256 } from '../base/keccak.ts';
import { OrchestratorInfoSchema, TranscodeResultSchema } from './gen/lp_rpc_pb.ts';
import { keySigner, offchainSigner, personalDigest } from './signature.ts';
import {
  decodeTranscodeResult,
  encodeTranscodeResult,
  resultSignedBy,
  signResult,
  type TranscodeResult,
} from './transcode-result.ts';

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const anyResult: fc.Arbitrary<TranscodeResult> = record({
  seq: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  info: fc.constantFrom(undefined, create(OrchestratorInfoSchema, { transcoder: 'https://o:1' })),
  result: fc.oneof(
    record({ kind: fc.constant('failed' as const), text: fc.string() }),
    record({
      kind: fc.constant('done' as const),
      renditions: fc.array(
        record({
          url: fc.webUrl(),
          pixels: fc.bigInt(0n, 2n ** 63n - 1n),
          perceptualHashUrl: fc.option(fc.webUrl(), { nil: undefined }),
        }),
        { maxLength: 10 },
      ),
      sig: fc.uint8Array({ minLength: 65, maxLength: 65 }).map((sig) => Buffer.from(sig)),
    }),
  ),
});

test('a reply comes back as it went', () => {
  fc.assert(
    fc.property(anyResult, (result) => {
      assert.deepEqual(decodeTranscodeResult(encodeTranscodeResult(result)), { ok: true, result });
    }),
  );
});

test('the result of a reply follows its info, as go-livepeer writes it', () => {
  const info = create(OrchestratorInfoSchema, { transcoder: 'x' });
  const failed = { kind: 'failed', text: 'E' } as const;
  const bytes = encodeTranscodeResult({ seq: 3n, info, result: failed });
  assert.equal(Buffer.from(bytes).toString('hex'), '08038201030a0178120145');
});

test('a reply that is none, says nothing, or has too many renditions is told apart', () => {
  assert.deepEqual(decodeTranscodeResult(Buffer.from('not protobuf')), {
    ok: false,
    reason: 'malformed',
  });
  assert.deepEqual(decodeTranscodeResult(new Uint8Array(0)), { ok: false, reason: 'unset' });
  assert.deepEqual(decodeTranscodeResult(new Uint8Array(2 ** 21)), {
    ok: false,
    reason: 'malformed',
  });
  const long = create(TranscodeResultSchema, {
    result: { case: 'data', value: { segments: Array(11).fill({ url: 'u' }) } },
  });
  assert.deepEqual(decodeTranscodeResult(toBinary(TranscodeResultSchema, long)), {
    ok: false,
    reason: 'too_many_renditions',
  });
});

test('a result is signed over the hashes of its renditions: the known answer', () => {
  const hashes = ['rendition-0', 'rendition-1'].map((text) => keccak256(Buffer.from(text)));
  const hash = keccak256(Buffer.concat(hashes));
  assert.equal(
    Buffer.from(hash).toString('hex'),
    '280a8d232fedf497ed3ee90fbb9127030b958aa2b6ce582fed735d929e7a9257',
  );
  assert.equal(
    Buffer.from(personalDigest(hash)).toString('hex'),
    '72517bed3545964a710e8c0ab3d16ebfa20074a6dfe0185365cf1f0705e5c4d1',
  );
  const signer = keySigner(Buffer.alloc(32, 5));
  const sig = signResult(signer, hashes);
  assert.ok(resultSignedBy(signer.address, hashes, sig));
  assert.ok(!resultSignedBy(signer.address, hashes.toReversed(), sig));
  assert.equal(signResult(offchainSigner, hashes).length, 0);
});
