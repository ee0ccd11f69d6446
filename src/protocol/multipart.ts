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

/** Lower-case names; of a repeated name the first value, as Go's `Header.Get`. */
export type PartHeaders = Readonly<Record<string, string | undefined>>;

/** Takes the body of one part. */
export interface PartReader {
  /** Views of what was pushed, good only until the call returns. */
  data(bytes: Buffer): void;
  /** The part is whole. */
  end?(): void;
}

/** Reads a multipart body that is pushed into it. */
export interface MultipartReader {
  /** Takes the next bytes. Throws {@link MultipartError}, and what the readers of parts throw. */
  push(bytes: Buffer): void;
  /** There are no more bytes. Throws {@link MultipartError} when that is too early. */
  end(): void;
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
 * Reads a multipart body while it arrives. `part` is called for each part and returns who takes its
 * body; a part that nobody takes is read over. The search for the boundary is native, and nothing is
 * copied but an end that looks like the beginning of a boundary. Throws {@link MultipartError}.
 */
export function createMultipartReader(
  boundary: string,
  limits: MultipartLimits,
  part: (headers: PartHeaders) => PartReader | undefined,
): MultipartReader {
  if (boundary.length === 0 || boundary.length > BOUNDARY_CHARS_MAX || /[\r\n]/.test(boundary)) {
    throw new MultipartError('boundary_invalid');
  }
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  let place: 'preamble' | 'boundary' | 'headers' | 'body' | 'ended' = 'preamble';
  /** Bytes that arrived and are not consumed. A boundary at the very start needs no line end. */
  let pending: Buffer = LINE_END;
  let reader: PartReader | undefined;
  let parts = 0;
  /** Bytes of the text before the first boundary, or of the part. */
  let length = 0;

  const hasEnded = (): boolean => place === 'ended';

  function take(bytes: number): Buffer {
    const taken = pending.subarray(0, bytes);
    pending = pending.subarray(bytes);
    return taken;
  }

  function content(bytes: Buffer): void {
    length += bytes.length;
    if (place === 'preamble') {
      if (length > limits.headerBytesMax) throw new MultipartError('header_too_long');
      return;
    }
    if (length > limits.partBytesMax) throw new MultipartError('part_too_long');
    reader?.data(bytes);
  }

  /** Whether a match at the start of `pending` is a boundary and not a longer line of content. */
  function endsLikeBoundary(at: number): boolean {
    const [a, b] = [pending[at], pending[at + 1]];
    return (a === CR && b === LF) || (a === DASH && b === DASH) || a === 0x20 || a === 0x09;
  }

  /** Content up to the next boundary. Each of these returns false when it needs more bytes. */
  function readContent(): boolean {
    const at = pending.indexOf(delimiter);
    if (at > 0) content(take(at));
    if (at < 0) {
      const safe = pending.length - heldBack(pending, delimiter);
      if (safe > 0) content(take(safe));
      return false;
    }
    if (pending.length < delimiter.length + 2) return false;
    if (!endsLikeBoundary(delimiter.length)) {
      content(take(delimiter.length));
      return true;
    }
    take(delimiter.length);
    if (place === 'body') reader?.end?.();
    place = 'boundary';
    return true;
  }

  /** What follows a boundary: another part or nothing. */
  function readBoundary(): boolean {
    if (pending.length < 2) return false;
    if (pending[0] === DASH && pending[1] === DASH) {
      place = 'ended';
      return true;
    }
    let blanks = 0;
    while (pending[blanks] === 0x20 || pending[blanks] === 0x09) blanks++;
    if (blanks > PADDING_BYTES_MAX) throw new MultipartError('malformed');
    if (pending.length < blanks + 2) return false;
    if (pending[blanks] !== CR || pending[blanks + 1] !== LF) throw new MultipartError('malformed');
    if (parts === limits.partsMax) throw new MultipartError('too_many_parts');
    parts += 1;
    take(blanks); // the line end stays: it also ends an empty list of headers
    place = 'headers';
    return true;
  }

  function readHeaders(): boolean {
    const end = pending.indexOf(HEADER_END);
    const most = limits.headerBytesMax;
    if (end > most || (end < 0 && pending.length > most + HEADER_END.length)) {
      throw new MultipartError('header_too_long');
    }
    if (end < 0) return false;
    const text = pending.toString('latin1', LINE_END.length, Math.max(LINE_END.length, end));
    take(end + HEADER_END.length);
    length = 0;
    reader = part(parseHeaders(text));
    place = 'body';
    return true;
  }

  function read(): boolean {
    if (place === 'boundary') return readBoundary();
    return place === 'headers' ? readHeaders() : readContent();
  }

  return {
    push(bytes) {
      if (hasEnded()) return; // whatever follows means nothing
      pending = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      while (!hasEnded()) if (!read()) break;
      pending = hasEnded() ? EMPTY : Buffer.from(pending);
    },
    end() {
      if (!hasEnded()) throw new MultipartError('truncated');
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

function parseHeaders(text: string): PartHeaders {
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
