import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readMultipart } from './multipart.test-kit.ts';
import { createMultipartReader, MultipartError, multipartBody } from './multipart.ts';

const limits = { partsMax: 8, headerBytesMax: 1_000, partBytesMax: 100_000 };
type Read = { headers: Record<string, string | undefined>; body: string };

/** Cuts at the given offsets. */
function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const sorted = [0, ...offsets, bytes.length].toSorted((a, b) => a - b);
  return sorted.slice(1).map((end, at) => bytes.subarray(sorted[at], end));
}

function read(chunks: readonly Uint8Array[], boundary = 'B', custom = limits): Read[] {
  return readMultipart(chunks, boundary, custom).map(({ headers, body }) => ({
    headers: { ...headers },
    body: body.toString('latin1'),
  }));
}

const refused = (text: string | Buffer, reason: string, custom = limits) => {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  const expected = (error: unknown) => error instanceof MultipartError && error.reason === reason;
  assert.throws(() => read([bytes], 'B', custom), expected);
  assert.throws(() => read(cut(bytes, [...bytes.keys()]), 'B', custom), expected);
};

/** Bodies full of what a boundary begins with. */
const tricky = Buffer.from('a\r\n--B0\r\n--\r\n-\r\r\n\r\n--', 'latin1');
const expected: Read[] = [
  {
    headers: { 'content-length': `${tricky.length}`, 'content-type': 'video/mp2t', pixels: '7' },
    body: tricky.toString('latin1'),
  },
  { headers: { 'content-length': '0', 'content-type': 'application/octet-stream' }, body: '' },
  { headers: { 'content-length': '3', 'content-type': 'video/mp4', pixels: '8' }, body: '\r\n\r' },
];
const sample = Buffer.concat(
  multipartBody(
    [
      { headers: { Pixels: '7', 'Content-Type': 'video/mp2t' }, body: [tricky] },
      { headers: { 'Content-Type': 'application/octet-stream' }, body: [] },
      { headers: { 'Content-Type': 'video/mp4', Pixels: '8' }, body: [Buffer.from('\r\n\r')] },
    ],
    'B',
  ).chunks,
);

test('parts are the same however the body is cut into chunks', () => {
  assert.deepEqual(read([sample]), expected);
  assert.deepEqual(read(cut(sample, [...sample.keys()])), expected, 'byte by byte');
  for (let at = 0; at <= sample.length; at++) {
    assert.deepEqual(read(cut(sample, [at])), expected, `cut at ${at}`);
    const twice = cut(sample, [at, Math.min(sample.length, at + 3)]);
    assert.deepEqual(read(twice), expected, `cut at ${at} and ${at + 3}`);
  }
});

test('what is written is read again, whatever the bytes, the boundary and the cuts', () => {
  const body = fc.array(fc.constantFrom(13, 10, 45, 66, 0, 255), { maxLength: 60 });
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 8 }),
      fc.stringMatching(/^[0-9a-f]{4,20}$/),
      fc.array(fc.nat(900), { maxLength: 30 }),
      (bodies, boundary, offsets) => {
        const parts = bodies.map((bytes) => ({ headers: { A: 'b' }, body: [Buffer.from(bytes)] }));
        const made = multipartBody(parts, boundary);
        const bytes = Buffer.concat(made.chunks);
        assert.equal(bytes.length, made.length);
        const cuts = offsets.filter((offset) => offset < bytes.length);
        const back = read(cut(bytes, cuts), boundary);
        assert.deepEqual(
          back.map((part) => [...Buffer.from(part.body, 'latin1')]),
          bodies,
        );
      },
    ),
  );
});

test('no bytes at all make it throw anything but its own refusals', () => {
  const piece = fc.constantFrom('\r\n--B', '--', '\r\n', 'A: b', ':', ' ', '--B', '\0', 'x', '\r');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(99)), (all, at) => {
      const bytes = Buffer.from(all.join(''), 'latin1');
      const cuts = at.filter((offset) => offset < bytes.length);
      try {
        read(cut(bytes, cuts), 'B', { partsMax: 4, headerBytesMax: 30, partBytesMax: 40 });
      } catch (error) {
        assert.ok(error instanceof MultipartError, String(error));
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a body over a limit or out of form is refused with its reason', () => {
  refused('--B\r\n\r\nx', 'truncated');
  refused('--B\r\nA: b', 'truncated');
  refused('', 'truncated');
  refused('--B\r\nno colon\r\n\r\nx\r\n--B--', 'malformed');
  refused('--B\r\nA: b\r\n folded\r\n\r\nx\r\n--B--', 'malformed');
  refused('--B \tx\r\n\r\nx\r\n--B--', 'malformed');
  refused(`--B\r\nA: ${'x'.repeat(2_000)}\r\n\r\nx\r\n--B--`, 'header_too_long');
  refused(`${'x'.repeat(2_000)}\r\n--B--`, 'header_too_long');
  refused(`${'--B\r\n\r\nx\r\n'.repeat(3)}--B--`, 'too_many_parts', {
    ...limits,
    partsMax: 2,
  });
  refused('--B\r\n\r\n12345\r\n--B--', 'part_too_long', { ...limits, partBytesMax: 4 });
  assert.throws(() => read([sample], ''), { reason: 'boundary_invalid' });
  assert.throws(() => read([sample], 'b'.repeat(71)), { reason: 'boundary_invalid' });
});

test('a part that nobody takes is read over, and told apart from one that is cut short', () => {
  const seen: string[] = [];
  const ends: string[] = [];
  const reader = createMultipartReader('B', limits, (headers) => {
    const type = String(headers['content-type']);
    seen.push(type);
    return type === 'video/mp2t' ? undefined : { data() {}, end: () => void ends.push(type) };
  });
  for (const piece of cut(sample.subarray(0, -10), [90, 95])) reader.push(piece);
  assert.deepEqual(seen, ['video/mp2t', 'application/octet-stream', 'video/mp4']);
  assert.deepEqual(ends, ['application/octet-stream']);
  assert.throws(() => reader.end(), { reason: 'truncated' });
});

test('what a reader of a part throws comes through', () => {
  const reader = createMultipartReader('B', limits, () => ({
    data() {
      throw new Error('no room');
    },
  }));
  assert.throws(() => reader.push(sample), /no room/);
});

test('whole chunks inside a part are handed on as they are, not copied', () => {
  const chunk = Buffer.alloc(16_384, 1);
  const chunks = [Buffer.from('--B\r\n\r\n'), chunk, chunk, Buffer.from('\r\n--B--\r\n')];
  const pieces: Buffer[] = [];
  const reader = createMultipartReader('B', { ...limits, partBytesMax: 1e6 }, () => ({
    data: (bytes) => pieces.push(bytes),
  }));
  for (const bytes of chunks) reader.push(bytes);
  reader.end();
  assert.equal(pieces.length, 2);
  assert.ok(pieces.every((piece) => piece.buffer === chunk.buffer));
});

test('blanks after a boundary, text before the first and after the last are read over', () => {
  const text = 'preamble\r\n--B \t\r\nA:b\r\na: c\r\n\r\nx\r\n--B--\r\nepilogue';
  assert.deepEqual(read([Buffer.from(text)]), [{ headers: { a: 'b' }, body: 'x' }]);
  assert.deepEqual(read([Buffer.from('\r\n--B--\r\n')]), []);
});

test('a header cannot smuggle a line', () => {
  assert.throws(() => multipartBody([{ headers: { A: 'b\r\nC: d' }, body: [] }]), RangeError);
});

test('a part header cannot smuggle a line end in, not even as a wider character', () => {
  for (const value of ['a\r\nb', 'a\nb', `a${String.fromCharCode(0x10a)}b`, 'a\0b']) {
    assert.throws(
      () => multipartBody([{ headers: { 'Rendition-Name': value }, body: [] }]),
      RangeError,
    );
  }
});
