import { END_OF_STRING, type Field, huffmanTree, LEAF, STATIC_TABLE } from './hpack-tables.ts';

/** What this side lets its peers keep in the table, in the bytes of the format; the default. */
const TABLE_BYTES = 4096;
/** Counted for each entry of the table and each field of a list. wire: RFC 7541, section 4.1. */
const FIELD_OVERHEAD_BYTES = 32;

/** The header block is not what the format says: the connection cannot go on. */
export class HpackError extends Error {
  override readonly name = 'HpackError';
}

/** Most that a list of headers may be. */
export interface FieldLimits {
  /** Of names and values. */
  readonly bytesMax: number;
  readonly fieldsMax: number;
}

/** Decodes the header blocks of one connection, in their order. */
export interface HpackDecoder {
  /**
   * The fields of a block, in latin-1; undefined when they exceed the limits, after which the next
   * block can be decoded all the same. Throws {@link HpackError}.
   */
  decode(block: Buffer): Field[] | undefined;
}

const tree = huffmanTree();

/** Creates a decoder with an empty table. wire: RFC 7541. */
export function createHpackDecoder(limits: FieldLimits): HpackDecoder {
  /** Newest first. */
  const table: Field[] = [];
  let tableBytes = 0;
  let tableBytesMax = TABLE_BYTES;
  let block: Buffer = Buffer.alloc(0);
  let at = 0;

  function evict(bytesMax: number): void {
    while (tableBytes > bytesMax) tableBytes -= sizeOf(table.pop() as Field);
  }

  function add(field: Field): void {
    const size = sizeOf(field);
    evict(Math.max(0, tableBytesMax - size));
    if (size > tableBytesMax) return;
    table.unshift(field);
    tableBytes += size;
  }

  function fieldAt(index: number): Field {
    const field =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : table[index - STATIC_TABLE.length - 1];
    if (!field) throw new HpackError('no such entry');
    return field;
  }

  /** An integer whose first byte has `bits` bits of it. */
  function integer(bits: number): number {
    const mask = (1 << bits) - 1;
    let value = byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const next = byte();
      if (shift > 21) throw new HpackError('an integer is too large');
      value += (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
  }

  function byte(): number {
    if (at === block.length) throw new HpackError('the block is cut short');
    return block[at++] as number;
  }

  function text(): string {
    const coded = ((block[at] ?? 0) & 0x80) !== 0;
    const length = integer(7);
    if (length > block.length - at) throw new HpackError('the block is cut short');
    const bytes = block.subarray(at, at + length);
    at += length;
    return coded ? fromHuffman(bytes) : bytes.toString('latin1');
  }

  function literal(prefixBits: number): Field {
    const index = integer(prefixBits);
    const name = index === 0 ? text() : fieldAt(index)[0];
    return [name, text()];
  }

  return {
    decode(bytes) {
      block = bytes;
      at = 0;
      const fields: Field[] = [];
      let size = 0;
      while (at < block.length) {
        const first = block[at] as number;
        let field: Field;
        if (first >= 0x80) field = fieldAt(integer(7));
        else if (first >= 0x40) {
          field = literal(6);
          add(field);
        } else if (first >= 0x20) {
          if (fields.length > 0) throw new HpackError('a change of size among the fields');
          tableBytesMax = integer(5);
          if (tableBytesMax > TABLE_BYTES) throw new HpackError('the table would be too large');
          evict(tableBytesMax);
          continue;
        } else field = literal(4);
        size += sizeOf(field) - FIELD_OVERHEAD_BYTES;
        // Beyond the limits nothing is kept, but the table has to follow.
        if (size <= limits.bytesMax && fields.length <= limits.fieldsMax) fields.push(field);
      }
      return size > limits.bytesMax || fields.length > limits.fieldsMax ? undefined : fields;
    },
  };
}

const sizeOf = ([name, value]: Field): number => name.length + value.length + FIELD_OVERHEAD_BYTES;

function fromHuffman(bytes: Buffer): string {
  // The shortest code has five bits.
  const out = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 5));
  let length = 0;
  let node = 0;
  /** Bits since the last symbol, and whether all of them were ones. */
  let open = 0;
  let ones = true;
  for (const value of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (value >>> bit) & 1;
      const next = tree[2 * node + one] as number;
      open += 1;
      ones &&= one === 1;
      if (next < LEAF) {
        node = next;
        continue;
      }
      if (next === END_OF_STRING) throw new HpackError('a string goes on after its end');
      out[length++] = next - LEAF;
      node = 0;
      open = 0;
      ones = true;
    }
  }
  if (open > 7 || !ones) throw new HpackError('a string is padded wrongly');
  return out.toString('latin1', 0, length);
}

/** Of the static table: the first entry of a name, and an entry by name and value. */
const firstOf = new Map<string, number>();
const exactOf = new Map<string, number>();
for (const [index, [name, value]] of STATIC_TABLE.entries()) {
  if (!firstOf.has(name)) firstOf.set(name, index + 1);
  exactOf.set(`${name}\0${value}`, index + 1);
}

/** The byte that empties the table of a peer's decoder, which this side never fills. */
export const EMPTY_TABLE = 0x20;

/**
 * Encodes a block that needs no table at the other side: literals and entries of the static table.
 * Names in lower case. Throws a `RangeError` for what no header may hold.
 */
export function encodeFields(fields: readonly Field[], { emptyTable = false } = {}): Buffer {
  const pieces: Buffer[] = emptyTable ? [Buffer.of(EMPTY_TABLE)] : [];
  for (const [name, value] of fields) {
    if (/[^\t\x20-\x7e\x80-\xff]/.test(value) || !/^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) {
      throw new RangeError('a header holds a line end or a character beyond Latin-1');
    }
    const exact = exactOf.get(`${name}\0${value}`);
    if (exact !== undefined) {
      pieces.push(encodeInteger(exact, 7, 0x80));
      continue;
    }
    const index = firstOf.get(name) ?? 0;
    pieces.push(encodeInteger(index, 4, 0));
    if (index === 0) pieces.push(...encodeText(name));
    pieces.push(...encodeText(value));
  }
  return Buffer.concat(pieces);
}

function encodeText(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  return [encodeInteger(bytes.length, 7, 0), bytes];
}

function encodeInteger(value: number, bits: number, flags: number): Buffer {
  const mask = (1 << bits) - 1;
  if (value < mask) return Buffer.of(flags | value);
  const bytes = [flags | mask];
  let left = value - mask;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return Buffer.from([...bytes, left]);
}
