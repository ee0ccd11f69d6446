import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toHex } from './bytes.ts';
import { type CanonicalValue, canonicalJson, digestOf, parseCanonicalJson } from './canonical.ts';
import { nodeHashing } from './node-hashing.ts';

const { value: anyValue } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger().map((value) => value + 0),
    fc.array(tie('value')),
    fc.dictionary(fc.string({ unit: 'binary' }), tie('value')),
  ),
}));

test('canonical JSON comes back as it was, and has one text', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const text = canonicalJson(value);
      assert.equal(canonicalJson(parseCanonicalJson(text) as CanonicalValue), text);
    }),
  );
});

test('keys are sorted by code point, not by UTF-16 unit', () => {
  assert.equal(
    canonicalJson({ '\u{1f600}': 1, '\ue000': 2, b: [true, null], a: '"\u0001\n' }),
    '{"a":"\\"\\u0001\\n","b":[true,null],"\ue000":2,"\u{1f600}":1}',
  );
});

test('the digest is SHA-256 of the text', () => {
  assert.equal(
    toHex(digestOf({ b: '2', a: 1 }, nodeHashing)),
    toHex(nodeHashing.sha256(new TextEncoder().encode('{"a":1,"b":"2"}'))),
  );
});

test('what has no canonical text is refused', () => {
  const wrong = [1.5, -0, 2 ** 53, Number.NaN, undefined, 1n, '\ud800', { a: undefined }];
  for (const value of wrong) {
    assert.throws(() => canonicalJson(value as CanonicalValue), RangeError);
  }
});

test('text that is JSON but not canonical does not read', () => {
  const wrong = ['{"b":1,"a":2}', '{"a":1,"a":1}', '[1, 2]', '1.0', '-0', '1e2', '"\\u0041"', '{'];
  for (const text of wrong) assert.equal(parseCanonicalJson(text), undefined, text);
  assert.equal(parseCanonicalJson('['.repeat(100_000)), undefined);
  assert.equal(parseCanonicalJson(`${'['.repeat(40)}${']'.repeat(40)}`), undefined);
  assert.equal(parseCanonicalJson('[1]', 2), undefined);
  assert.deepEqual(parseCanonicalJson('["[[\\"{{"]'), ['[["{{']);
});
