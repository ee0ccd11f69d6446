import { randomBytes } from 'node:crypto';

/** Longest boundary of the format (RFC 2046, section 5.1.1). */
const BOUNDARY_CHARS_MAX = 70;
/** Longest run of blanks between a boundary and its line end; nobody writes any. */
const PADDING_BYTES_MAX = 64;

/** Limits of one multipart body; each is checked while bytes arrive. */
export interface MultipartLimits {
  readonly partsMax: number;
  /** All header lines of one part; also the text before the first and after the last part. */
  readonly headerBytesMax: number;
  readonly partBytesMax: number;
}

/** One part. Its body is read once, in order, before the next part is asked for. */
export interface Part {
  /** Lower-case names; of a repeated name the first value, as Go's `Header.Get`. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Views of the arriving chunks, not copies. What is not read is skipped. */
  readonly body: AsyncIterable<Uint8Array>;
}

export type MultipartReason =
  | 'boundary_invalid'
  | 'truncated'
  | 'malformed'
  | 'too_many_parts'
  | 'header_too_long'
  | 'part_too_long';

const messages: Record<MultipartReason, string> = {
  boundary_invalid: 'multipart: boundary is empty or too long',
  truncated: 'multipart: NextPart: EOF',
  malformed: 'malformed MIME header line',
  too_many_parts: 'multipart: too many parts',
  header_too_long: 'multipart: message too large',
  part_too_long: 'multipart: part too large',
};

/** The body is not what its boundary and limits say. The message is fit for the peer. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
  readonly reason: MultipartReason;

  constructor(reason: MultipartReason) {
    super(messages[reason]);
    this.reason = reason;
  }
}

const EMPTY = Buffer.alloc(0);
const LINE_END = Buffer.from('\r\n');
const HEADER_END = Buffer.from('\r\n\r\n');
const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;

/**
 * Reads a multipart body while it arrives. The search for the boundary is native and nothing is
 * copied but chunks whose end looks like the beginning of a boundary. Leaving early, by `break` or
 * by a throw, ends the source. Throws {@link MultipartError}, and what the source throws.
 */
export async function* parseMultipart(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
  limits: MultipartLimits,
): AsyncGenerator<Part, void, undefined> {
  if (boundary.length === 0 || boundary.length > BOUNDARY_CHARS_MAX || /[\r\n]/.test(boundary)) {
    throw new MultipartError('boundary_invalid');
  }
  const reader = createReader(source, boundary);
  try {
    await reader.skipTo(limits.headerBytesMax);
    for (let count = 0; ; count++) {
      if ((await reader.afterBoundary()) === 'end') break;
      if (count === limits.partsMax) throw new MultipartError('too_many_parts');
      const headers = parseHeaders(await reader.headerText(limits.headerBytesMax));
      const part = reader.openPart(limits.partBytesMax);
      yield { headers, body: iterate(part) };
      while ((await part()) !== undefined) {
        // skips what the consumer left
      }
    }
    await reader.skipEpilogue(limits.headerBytesMax);
  } finally {
    await reader.close();
  }
}

/** Next piece of a part's body; undefined at its end, and ever after. */
type Pieces = () => Promise<Buffer | undefined>;

async function* iterate(pieces: Pieces): AsyncGenerator<Uint8Array, void, undefined> {
  for (let piece = await pieces(); piece !== undefined; piece = await pieces()) yield piece;
}

function createReader(source: AsyncIterable<Uint8Array>, boundary: string) {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const chunks = source[Symbol.asyncIterator]();
  /** Bytes that arrived and are not consumed. A boundary at the very start needs no line end. */
  let pending: Buffer = LINE_END;

  /** Appends the next chunk that is not empty; false at the end of the source. */
  async function more(): Promise<boolean> {
    for (;;) {
      const next = await chunks.next();
      if (next.done) return false;
      const { buffer, byteOffset, byteLength } = next.value;
      if (byteLength === 0) continue;
      const chunk = Buffer.from(buffer, byteOffset, byteLength);
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      return true;
    }
  }

  async function need(bytes: number): Promise<void> {
    while (pending.length < bytes) if (!(await more())) throw new MultipartError('truncated');
  }

  function take(bytes: number): Buffer {
    const taken = pending.subarray(0, bytes);
    pending = bytes === pending.length ? EMPTY : pending.subarray(bytes);
    return taken;
  }

  /** Whether a match at the start of `pending` is a boundary and not a longer line of content. */
  function endsLikeBoundary(at: number): boolean {
    const [a, b] = [pending[at], pending[at + 1]];
    return (a === CR && b === LF) || (a === DASH && b === DASH) || a === 0x20 || a === 0x09;
  }

  /**
   * Content up to the next boundary, piece by piece; undefined once the boundary was consumed.
   * A piece is never empty.
   */
  async function piece(): Promise<Buffer | undefined> {
    for (;;) {
      const at = pending.indexOf(delimiter);
      if (at > 0) return take(at);
      if (at === 0) {
        await need(delimiter.length + 2);
        if (!endsLikeBoundary(delimiter.length)) return take(delimiter.length);
        take(delimiter.length);
        return undefined;
      }
      const safe = pending.length - heldBack(pending, delimiter);
      if (safe > 0) return take(safe);
      if (!(await more())) throw new MultipartError('truncated');
    }
  }

  return {
    /** Skips the text before the first boundary. */
    async skipTo(bytesMax: number): Promise<void> {
      let skipped = 0;
      for (let text = await piece(); text !== undefined; text = await piece()) {
        skipped += text.length;
        if (skipped > bytesMax) throw new MultipartError('header_too_long');
      }
    },

    /** What follows a boundary: another part or nothing. */
    async afterBoundary(): Promise<'part' | 'end'> {
      await need(2);
      if (pending[0] === DASH && pending[1] === DASH) return 'end';
      let blanks = 0;
      while (pending[blanks] === 0x20 || pending[blanks] === 0x09) {
        blanks++;
        if (blanks > PADDING_BYTES_MAX) throw new MultipartError('malformed');
        await need(blanks + 2);
      }
      if (pending[blanks] !== CR || pending[blanks + 1] !== LF) {
        throw new MultipartError('malformed');
      }
      take(blanks); // the line end stays: it also ends an empty list of headers
      return 'part';
    },

    /** The header lines of a part, without the line ends around them. */
    async headerText(bytesMax: number): Promise<string> {
      for (;;) {
        const end = pending.indexOf(HEADER_END);
        if (end > bytesMax || (end < 0 && pending.length > bytesMax + HEADER_END.length)) {
          throw new MultipartError('header_too_long');
        }
        if (end >= 0) {
          const text = pending.toString('latin1', LINE_END.length, Math.max(LINE_END.length, end));
          take(end + HEADER_END.length);
          return text;
        }
        if (!(await more())) throw new MultipartError('truncated');
      }
    },

    openPart(bytesMax: number): Pieces {
      let total = 0;
      let ended = false;
      return async () => {
        if (ended) return undefined;
        const next = await piece();
        if (next === undefined) {
          ended = true;
          return undefined;
        }
        total += next.length;
        if (total > bytesMax) throw new MultipartError('part_too_long');
        return next;
      };
    },

    /** Reads to the end of the source, so that its connection can be used again. */
    async skipEpilogue(bytesMax: number): Promise<void> {
      let skipped = 0;
      for (;;) {
        skipped += take(pending.length).length;
        if (skipped > bytesMax + 4) return;
        if (!(await more())) return;
      }
    },

    async close(): Promise<void> {
      await chunks.return?.();
    },
  };
}

/** How many bytes at the end may be the beginning of a boundary. Only its first byte is a CR. */
function heldBack(bytes: Buffer, delimiter: Buffer): number {
  const from = Math.max(0, bytes.length - delimiter.length + 1);
  const at = bytes.lastIndexOf(CR);
  if (at < from) return 0;
  const tail = bytes.length - at;
  return delimiter.compare(bytes, at, bytes.length, 0, tail) === 0 ? tail : 0;
}

const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*$/;

function parseHeaders(text: string): Readonly<Record<string, string | undefined>> {
  const headers: Record<string, string> = Object.create(null);
  if (text === '') return headers;
  for (const line of text.split('\r\n')) {
    const match = HEADER_LINE.exec(line);
    if (!match) throw new MultipartError('malformed');
    const name = (match[1] as string).toLowerCase();
    headers[name] ??= match[2] as string;
  }
  return headers;
}

/** One part to write. */
export interface PartToWrite {
  /** Written in alphabetical order, as Go does. `Content-Length` is added. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
}

/** A multipart body ready to be sent: its length is known and no byte of a part was copied. */
export interface MultipartBody {
  readonly boundary: string;
  readonly length: number;
  readonly chunks: readonly Uint8Array[];
}

/** Writes a multipart body to the byte as Go's `mime/multipart` does. */
export function multipartBody(
  parts: readonly PartToWrite[],
  boundary: string = randomBytes(10).toString('hex'),
): MultipartBody {
  const chunks: Uint8Array[] = [];
  for (const [index, { headers, body }] of parts.entries()) {
    const length = body.reduce((sum, chunk) => sum + chunk.length, 0);
    const lines = Object.entries({ ...headers, 'Content-Length': String(length) })
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => {
        // Latin-1 keeps the low byte of a character: U+010A would become a line end on the wire.
        if (/[^\t\x20-\x7e\x80-\xff]/.test(name + value)) {
          throw new RangeError('a header holds a line end or a character beyond Latin-1');
        }
        return `${name}: ${value}\r\n`;
      });
    const opening = `${index === 0 ? '' : '\r\n'}--${boundary}\r\n${lines.join('')}\r\n`;
    chunks.push(Buffer.from(opening, 'latin1'), ...body);
  }
  chunks.push(Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1'));
  return { boundary, chunks, length: chunks.reduce((sum, chunk) => sum + chunk.length, 0) };
}
