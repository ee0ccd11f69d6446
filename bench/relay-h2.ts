import type { OnReadOpts } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';

/** What Go's HTTP/2 client announces (golang.org/x/net/http2: transport.go). */
const STREAM_WINDOW = 4 * 1024 * 1024;
const CONNECTION_WINDOW = 1 << 30;
/** It sends DATA frames as large as the server allows, up to this. */
const FRAME_BYTES_MAX = 512 * 1024;
const FRAME_BYTES_DEFAULT = 16 * 1024;
const WINDOW_DEFAULT = 65_535;
/** It gives back what it has read of a stream when that is so much. */
const REFRESH_BYTES = 4 * 1024;
const READ_BYTES = 64 * 1024;
/** A stock gateway gives a 2 s segment this long. */
const CALL_MS = 8_000;

const NOTHING = new Uint8Array(0);
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
/** HPACK's static table, the statuses in it. */
const STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** The answer to one request. */
export interface H2Reply {
  /** 0 where it is not one of HPACK's static table. */
  readonly status: number;
  readonly body: Buffer;
}

/** A connection that costs as little as one can in Node: the load should not be what is measured. */
export interface RawH2 {
  post(fields: Fields, body: readonly Buffer[]): Promise<H2Reply>;
  /** A request whose answer never ends, such as the one of RegisterTranscoder. */
  subscribe(fields: Fields, body: Buffer, each: (bytes: Buffer) => void): void;
  destroy(): void;
}

/** Names in lower case; pseudo fields but `:path` are filled in. */
export type Fields = Readonly<Record<string, string | number>>;

interface Stream {
  readonly id: number;
  pending: Buffer[];
  window: number;
  status: number;
  unrefreshed: number;
  readonly each: (bytes: Buffer) => void;
  readonly end: (error?: Error) => void;
}

/** Opens a connection; what is posted meanwhile waits for its handshake. */
export function connectH2(port: number): RawH2 {
  const authority = `127.0.0.1:${port}`;
  const buffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const options: ConnectionOptions & { onread: OnReadOpts } = {
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    onread: {
      buffer,
      callback: (length: number) => take(buffer.subarray(0, length)),
    },
  };
  const socket = connect(options);
  socket.setNoDelay(true);
  const streams = new Map<number, Stream>();
  const sending: Stream[] = [];
  let lastId = -1;
  let window = WINDOW_DEFAULT;
  let streamWindow = WINDOW_DEFAULT;
  let frameBytes = FRAME_BYTES_DEFAULT;
  let greeted = false;
  let rest: Buffer = Buffer.alloc(0);

  const cut = (error: Error) => {
    for (const { end } of streams.values()) end(error);
    streams.clear();
  };
  socket.on('error', cut);
  socket.on('close', () => cut(new Error('the connection was cut')));
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(SETTINGS, 0, 0, settings({ 2: 0, 4: STREAM_WINDOW })),
      frame(WINDOW_UPDATE, 0, 0, uint32(CONNECTION_WINDOW)),
    ]),
  );

  function take(bytes: Buffer): boolean {
    let input: Buffer = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    while (input.length >= 9 && input.length >= 9 + input.readUIntBE(0, 3)) {
      const end = 9 + input.readUIntBE(0, 3);
      receive(input[3] as number, input[4] as number, input.readInt32BE(5), input.subarray(9, end));
      input = input.subarray(end);
    }
    rest = Buffer.from(input);
    return true;
  }

  function receive(type: number, flags: number, id: number, payload: Buffer): void {
    const stream = streams.get(id);
    if (type === SETTINGS && flags !== ACK) {
      applySettings(payload);
      socket.write(frame(SETTINGS, ACK, 0));
      greeted = true;
      send();
    } else if (type === PING && flags !== ACK) {
      socket.write(frame(PING, ACK, 0, payload));
    } else if (type === WINDOW_UPDATE) {
      if (id === 0) window += payload.readInt32BE(0);
      else if (stream) stream.window += payload.readInt32BE(0);
      send();
    } else if (type === GOAWAY) {
      cut(new Error(`GOAWAY ${payload.readInt32BE(4)}`));
    } else if (stream && type === RST_STREAM) {
      finish(stream, new Error(`the stream was cut (${payload.readInt32BE(0)})`));
    } else if (stream && type === HEADERS) {
      stream.status ||= statusOf(payload);
    } else if (stream && type === DATA) {
      stream.each(payload);
      refresh(stream, payload.length);
    }
    if (stream && (type === HEADERS || type === DATA) && flags & END_STREAM) finish(stream);
  }

  function applySettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      if (payload.readUInt16BE(at) === 5) frameBytes = Math.min(FRAME_BYTES_MAX, value);
      if (payload.readUInt16BE(at) !== 4) continue;
      for (const stream of streams.values()) stream.window += value - streamWindow;
      streamWindow = value;
    }
  }

  function finish(stream: Stream, error?: Error): void {
    streams.delete(stream.id);
    stream.pending = [];
    stream.end(error);
  }

  function refresh(stream: Stream, bytes: number): void {
    stream.unrefreshed += bytes;
    if (stream.unrefreshed < REFRESH_BYTES) return;
    const size = uint32(stream.unrefreshed);
    stream.unrefreshed = 0;
    const own = frame(WINDOW_UPDATE, 0, stream.id, size);
    socket.write(Buffer.concat([frame(WINDOW_UPDATE, 0, 0, size), own]));
  }

  /** A frame of each body in turn, as far as the windows allow. */
  function send(): void {
    if (!greeted || sending.length === 0) return;
    socket.cork();
    for (let stuck = 0; stuck < sending.length; ) {
      const stream = sending.shift() as Stream;
      const size = Math.min(window, stream.window, frameBytes);
      if (size > 0 && stream.pending.length > 0) {
        stuck = 0;
        sendFrame(stream, size);
      } else if (stream.pending.length > 0) stuck += 1;
      if (stream.pending.length > 0) sending.push(stream);
    }
    socket.uncork();
  }

  function sendFrame(stream: Stream, bytesMax: number): void {
    const pieces: Buffer[] = [];
    let size = 0;
    while (size < bytesMax && stream.pending.length > 0) {
      const next = stream.pending[0] as Buffer;
      const piece = next.subarray(0, bytesMax - size);
      pieces.push(piece);
      size += piece.length;
      if (piece.length === next.length) stream.pending.shift();
      else stream.pending[0] = next.subarray(piece.length);
    }
    window -= size;
    stream.window -= size;
    socket.write(header(size, DATA, stream.pending.length === 0 ? END_STREAM : 0, stream.id));
    for (const piece of pieces) socket.write(piece);
  }

  function open(
    fields: Fields,
    body: readonly Buffer[],
    handlers: Pick<Stream, 'each' | 'end'>,
  ): void {
    lastId += 2;
    const all = {
      ':method': 'POST',
      ':scheme': 'https',
      ':authority': authority,
      ...fields,
    };
    const stream: Stream = {
      id: lastId,
      pending: [...body],
      window: streamWindow,
      status: 0,
      unrefreshed: 0,
      ...handlers,
    };
    streams.set(stream.id, stream);
    socket.write(frame(HEADERS, END_HEADERS, stream.id, encodeFields(all)));
    sending.push(stream);
    send();
  }

  return {
    post: (fields, body) =>
      new Promise((resolve, reject) => {
        const pieces: Buffer[] = [];
        const late = setTimeout(() => reject(new Error('no answer within 8 s')), CALL_MS);
        let stream: Stream | undefined;
        open(fields, body, {
          each: (bytes) => pieces.push(Buffer.from(bytes)),
          end(error) {
            clearTimeout(late);
            if (error) reject(error);
            else resolve({ status: stream?.status ?? 0, body: Buffer.concat(pieces) });
          },
        });
        stream = streams.get(lastId);
      }),
    subscribe(fields, body, each) {
      open(fields, [body], { each, end: () => {} });
    },
    destroy: () => socket.destroy(),
  };
}

function header(length: number, type: number, flags: number, id: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeInt32BE(id, 5);
  return bytes;
}

function frame(type: number, flags: number, id: number, payload: Uint8Array = NOTHING): Buffer {
  return Buffer.concat([header(payload.length, type, flags, id), payload]);
}

function settings(values: Readonly<Record<number, number>>): Buffer {
  const entries = Object.entries(values).map(([key, value]) => {
    const bytes = Buffer.alloc(6);
    bytes.writeUInt16BE(Number(key));
    bytes.writeUInt32BE(value, 2);
    return bytes;
  });
  return Buffer.concat(entries);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** HPACK: literals that enter no table. */
function encodeFields(fields: Fields): Buffer {
  const pieces: Buffer[] = [];
  for (const [name, value] of Object.entries(fields)) {
    pieces.push(Buffer.of(0), encodeText(name), encodeText(String(value)));
  }
  return Buffer.concat(pieces);
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const { length } = bytes;
  if (length < 0x7f) return Buffer.concat([Buffer.of(length), bytes]);
  const size = [0x7f];
  let left = length - 0x7f;
  for (; left >= 0x80; left >>>= 7) size.push((left & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([...size, left]), bytes]);
}

function statusOf(block: Buffer): number {
  const first = block.find((byte) => byte >> 5 !== 1) ?? 0; // past updates of the table's size
  return STATUSES[first - 0x88] ?? 0;
}
