import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHpackDecoder, encodeFields, HpackError } from './hpack.ts';

const limits = { bytesMax: 10_000, fieldsMax: 100 };
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** RFC 7541, appendix C.4: three requests on one connection, Huffman coded. */
const requests = [
  ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', []],
  ['8286 84be 5886 a8eb 1064 9cbf', [['cache-control', 'no-cache']]],
  ['8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf', [['custom-key', 'custom-value']]],
] as const;
const starts = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'www.example.com'],
];

test('the requests of the standard are decoded, with what the table remembers', () => {
  const decoder = createHpackDecoder(limits);
  for (const [at, [block, more]] of requests.entries()) {
    const first =
      at < 2 ? starts : [starts[0], [':scheme', 'https'], [':path', '/index.html'], starts[3]];
    assert.deepEqual(decoder.decode(bytes(block)), [...first, ...more]);
  }
});

test('the same requests without Huffman codes', () => {
  const decoder = createHpackDecoder(limits);
  const plain = '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d';
  assert.deepEqual(decoder.decode(bytes(plain)), starts);
  assert.deepEqual(decoder.decode(bytes('8286 84be 5808 6e6f 2d63 6163 6865')), [
    ...starts,
    ['cache-control', 'no-cache'],
  ]);
});

test('what is over a limit is told apart, and the table follows all the same', () => {
  const decoder = createHpackDecoder({ bytesMax: 50, fieldsMax: 100 });
  assert.equal(decoder.decode(bytes(requests[0][0])), undefined);
  // The authority of the first block, by its place in the table.
  assert.deepEqual(decoder.decode(bytes('be')), [[':authority', 'www.example.com']]);
  assert.equal(
    createHpackDecoder({ bytesMax: 999, fieldsMax: 3 }).decode(bytes('82868484')),
    undefined,
  );
});

test('the table forgets its oldest, and all of it when it is told to', () => {
  const decoder = createHpackDecoder({ bytesMax: 100_000, fieldsMax: 200 });
  // Each of them 10 + 1,000 + 32 bytes: three fit.
  for (let n = 0; n < 5; n++) {
    const name = Buffer.from(`name-${n}....`.slice(0, 10));
    const value = Buffer.alloc(1_000, 0x61 + n);
    decoder.decode(Buffer.concat([bytes('40 0a'), name, bytes('7f e9 06'), value]));
  }
  const newest = decoder.decode(bytes('be bf c0')) ?? [];
  assert.deepEqual(
    newest.map(([name]) => name),
    ['name-4....', 'name-3....', 'name-2....'],
  );
  assert.throws(() => decoder.decode(bytes('c1')), HpackError);
  decoder.decode(bytes('20'));
  assert.throws(() => decoder.decode(bytes('be')), HpackError);
});

test('a broken block is refused', () => {
  const broken = {
    'an index of nothing': '80',
    'an index beyond the table': 'be',
    'a name beyond the table': '7e 01 61',
    'a string cut short': '00 05 61',
    'an endless integer': 'ff ff ff ff ff ff ff ff 01',
    'a table over the limit': '3f e2 1f',
    'a new size after a field': '82 20',
    'a Huffman string that goes on after its end': '00 84 ff ff ff ff 00',
    'a Huffman string padded with zeros': '00 81 18 00',
    'a Huffman string padded too far': '00 82 1f ff 00',
  };
  for (const [what, block] of Object.entries(broken)) {
    assert.throws(() => createHpackDecoder(limits).decode(bytes(block)), HpackError, what);
  }
});

test('what is encoded is decoded, whatever it holds', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/);
  const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,300}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 30 }), (fields) => {
      const wide = createHpackDecoder({ bytesMax: 1e6, fieldsMax: 100 });
      assert.deepEqual(wide.decode(encodeFields(fields)), fields);
      assert.deepEqual(wide.decode(encodeFields(fields, { emptyTable: true })), fields);
    }),
  );
  assert.deepEqual(encodeFields([[':status', '200']]), bytes('88'));
});

test('no bytes at all make a decoder do anything but decode or refuse', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
      const decoder = createHpackDecoder(limits);
      try {
        for (const block of blocks) decoder.decode(Buffer.from(block));
      } catch (error) {
        assert.ok(error instanceof HpackError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a header cannot smuggle a line', () => {
  for (const value of ['a\r\nb', 'a\nb', `a${String.fromCharCode(0x10a)}b`, 'a\0b']) {
    assert.throws(() => encodeFields([['x', value]]), RangeError);
  }
  for (const name of ['', 'A', 'a b', 'a:', 'a\n']) {
    assert.throws(() => encodeFields([[name, 'x']]), RangeError, JSON.stringify(name));
  }
});
