/** Types of frames. wire: RFC 9113, section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

/** Error codes. wire: RFC 9113, section 7. */
export const CODE = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
} as const;

export const SETTING = {
  tableBytes: 1,
  enablePush: 2,
  streamsMax: 3,
  windowBytes: 4,
  frameBytes: 5,
  headerListBytes: 6,
} as const;

export const WINDOW_MAX = 0x7fffffff;
/** Of either side until SETTINGS say otherwise. */
export const WINDOW_DEFAULT = 65_535;
export const FRAME_BYTES_DEFAULT = 16_384;
const FRAME_BYTES_LIMIT = 0xffffff;

/** First bytes of every client. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HEAD_BYTES = 9;
const EMPTY: Buffer = Buffer.alloc(0);

/** The peer broke the protocol; the connection ends with `code`. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Where the frames of a connection go. Buffers are good only until the call returns. */
export interface FrameSink {
  /** Any frame but DATA; the payload includes padding. Types that nobody knows are left out. */
  frame(type: number, flags: number, stream: number, payload: Buffer): void;
  /** A DATA frame begins; `length` is what flow control counts. */
  dataBegins(stream: number, length: number, flags: number): void;
  data(stream: number, bytes: Buffer): void;
  /** Bytes of a DATA frame that are no data. */
  padding(stream: number, length: number): void;
  dataEnds(stream: number, flags: number): void;
  /** A frame that is of no use: of an unknown type, or DATA with nothing in it. */
  idle(): void;
}

/** Limits of a {@link createFrameReader}. */
export interface FrameLimits {
  /** As announced in SETTINGS. */
  readonly frameBytesMax: number;
  /** Payload of a frame that is kept until it is whole: all but DATA. */
  readonly keptBytesMax: number;
}

/**
 * Cuts what arrives into frames. DATA is handed on as it comes, never collected. The returned
 * function takes the next bytes and throws {@link ConnectionError}.
 */
export function createFrameReader(sink: FrameSink, limits: FrameLimits): (bytes: Buffer) => void {
  const head = Buffer.alloc(HEAD_BYTES);
  let greeted = 0;
  let headed = 0;
  let type = 0;
  let flags = 0;
  let stream = 0;
  /** Payload still to come, its padding left out. */
  let left = 0;
  let padding = 0;
  let kept: Buffer = EMPTY;
  let keptBytes = 0;

  function begin(): void {
    left = head.readUIntBE(0, 3);
    type = head[3] as number;
    flags = head[4] as number;
    stream = head.readUInt32BE(5) & WINDOW_MAX;
    padding = 0;
    if (left > limits.frameBytesMax) throw new ConnectionError(CODE.frameSize, 'a frame too large');
    if (type === FRAME.data) {
      if (stream === 0) throw new ConnectionError(CODE.protocol, 'DATA on no stream');
      sink.dataBegins(stream, left, flags);
      if (left === 0) {
        if (flags & FLAG.padded)
          throw new ConnectionError(CODE.frameSize, 'padding without length');
        if (!(flags & FLAG.endStream)) sink.idle();
      }
    } else if (type > FRAME.continuation) {
      sink.frame(type, flags, stream, EMPTY);
      sink.idle();
    } else if (left > limits.keptBytesMax) {
      throw new ConnectionError(CODE.enhanceYourCalm, 'a frame too large to be kept');
    }
  }

  /** Takes some of the payload from the front of `bytes`; returns how much. */
  function payload(bytes: Buffer): number {
    if (type === FRAME.data) {
      if (flags & FLAG.padded && padding === 0) {
        // Once: the flag is done with.
        flags &= ~FLAG.padded;
        const most = left - 1;
        padding = bytes[0] as number;
        left = most - padding;
        if (left < 0) throw new ConnectionError(CODE.protocol, 'more padding than payload');
        sink.padding(stream, 1 + padding);
        return 1;
      }
      const size = Math.min(left, bytes.length);
      if (size > 0) sink.data(stream, bytes.subarray(0, size));
      left -= size;
      return size;
    }
    const size = Math.min(left, bytes.length);
    left -= size;
    if (type > FRAME.continuation) return size;
    if (keptBytes === 0 && left === 0) {
      sink.frame(type, flags, stream, bytes.subarray(0, size));
      return size;
    }
    if (keptBytes === 0) kept = Buffer.allocUnsafe(size + left);
    bytes.copy(kept, keptBytes, 0, size);
    keptBytes += size;
    if (left === 0) {
      const whole = kept;
      kept = EMPTY;
      keptBytes = 0;
      sink.frame(type, flags, stream, whole);
    }
    return size;
  }

  function skipPadding(bytes: Buffer): number {
    const size = Math.min(padding, bytes.length);
    padding -= size;
    return size;
  }

  return (bytes) => {
    let at = 0;
    if (greeted < PREFACE.length) {
      const size = Math.min(PREFACE.length - greeted, bytes.length);
      if (PREFACE.compare(bytes, 0, size, greeted, greeted + size) !== 0) {
        throw new ConnectionError(CODE.protocol, 'not the preface of HTTP/2');
      }
      greeted += size;
      at = size;
    }
    for (;;) {
      if (headed < HEAD_BYTES) {
        const size = Math.min(HEAD_BYTES - headed, bytes.length - at);
        if (size === 0) return;
        bytes.copy(head, headed, at, at + size);
        headed += size;
        at += size;
        if (headed < HEAD_BYTES) return;
        begin();
        if (left === 0 && type !== FRAME.data && type <= FRAME.continuation) {
          sink.frame(type, flags, stream, EMPTY);
        }
      }
      while (left > 0) {
        if (at === bytes.length) return;
        at += payload(bytes.subarray(at));
      }
      while (padding > 0) {
        if (at === bytes.length) return;
        at += skipPadding(bytes.subarray(at));
      }
      headed = 0;
      if (type === FRAME.data) sink.dataEnds(stream, flags);
    }
  };
}

/** The first nine bytes of a frame. */
export function frameHead(type: number, flags: number, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
}

/** A whole frame. */
export function frameOf(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = EMPTY,
): Buffer {
  return Buffer.concat([frameHead(type, flags, stream, payload.length), payload]);
}

/** A frame whose payload is numbers of four bytes. */
export function numbersFrame(type: number, stream: number, ...values: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(4 * values.length);
  for (const [index, value] of values.entries()) payload.writeUInt32BE(value >>> 0, 4 * index);
  return frameOf(type, 0, stream, payload);
}

/** A header block as HEADERS and, where the peer takes only smaller frames, CONTINUATION. */
export function headerFrames(
  stream: number,
  block: Buffer,
  options: { readonly end: boolean; readonly frameBytesMax: number },
): Buffer {
  const frames: Buffer[] = [];
  const { end, frameBytesMax } = options;
  for (let at = 0; at === 0 || at < block.length; at += frameBytesMax) {
    const piece = block.subarray(at, at + frameBytesMax);
    const last = at + frameBytesMax >= block.length ? FLAG.endHeaders : 0;
    const flags = last | (at === 0 && end ? FLAG.endStream : 0);
    frames.push(frameOf(at === 0 ? FRAME.headers : FRAME.continuation, flags, stream, piece));
  }
  return Buffer.concat(frames);
}

/** SETTINGS with these values. */
export function settingsFrame(values: readonly (readonly [setting: number, value: number])[]) {
  const payload = Buffer.allocUnsafe(6 * values.length);
  for (const [index, [setting, value]] of values.entries()) {
    payload.writeUInt16BE(setting, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  }
  return frameOf(FRAME.settings, 0, 0, payload);
}

/** Reads and checks SETTINGS; throws {@link ConnectionError}. */
export function* readSettings(payload: Buffer): Generator<[setting: number, value: number]> {
  if (payload.length % 6 !== 0) throw new ConnectionError(CODE.frameSize, 'SETTINGS cut short');
  for (let at = 0; at < payload.length; at += 6) {
    const setting = payload.readUInt16BE(at);
    const value = payload.readUInt32BE(at + 2);
    if (setting === SETTING.enablePush && value > 1) {
      throw new ConnectionError(CODE.protocol, 'ENABLE_PUSH is neither 0 nor 1');
    }
    if (setting === SETTING.windowBytes && value > WINDOW_MAX) {
      throw new ConnectionError(CODE.flowControl, 'a window too large');
    }
    const frameBytes = value >= FRAME_BYTES_DEFAULT && value <= FRAME_BYTES_LIMIT;
    if (setting === SETTING.frameBytes && !frameBytes) {
      throw new ConnectionError(CODE.protocol, 'a frame size out of range');
    }
    yield [setting, value];
  }
}

/** The header block of HEADERS, without padding and priority; throws {@link ConnectionError}. */
export function blockOf(payload: Buffer, flags: number, stream: number): Buffer {
  let from = 0;
  let to = payload.length;
  if (flags & FLAG.padded) {
    to -= payload[0] ?? 0;
    from = 1;
  }
  if (flags & FLAG.priority) {
    if (to - from >= 5 && (payload.readUInt32BE(from) & WINDOW_MAX) === stream) {
      throw new ConnectionError(CODE.protocol, 'a stream that depends on itself');
    }
    from += 5;
  }
  if (from > to) throw new ConnectionError(CODE.protocol, 'more padding than payload');
  return payload.subarray(from, to);
}
