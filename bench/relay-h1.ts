import type { OnReadOpts } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext } from 'node:tls';

/** wire: Go's http.Transport keeps two idle connections per host; further downloads dial anew. */
const IDLE_CONNECTIONS = 2;
const READ_BYTES = 64 * 1024;
const HEAD_BYTES_MAX = 8 * 1024;
/** A stock gateway and a stock transcoder give a download this long. */
const DOWNLOAD_MS = 4_000;
const HEAD_END = '\r\n\r\n';
const secureContext = createSecureContext();

/** A file that came, of which only the end is kept. */
export interface Downloaded {
  readonly length: number;
  /** The last bytes, as many as were asked for. */
  readonly tail: Buffer;
  /** All of them, if they were asked for. */
  readonly whole: Buffer | undefined;
}

/** Downloads over HTTP/1.1 as stock gateways and transcoders do, but cheaper. */
export interface Downloads {
  get(path: string, options: { readonly tailBytes: number; whole?: boolean }): Promise<Downloaded>;
  destroy(): void;
}

/**
 * wire: a stock peer resumes no TLS session. Go's http.Transport dials for each download that finds no
 * idle connection, but takes one that becomes free before its own is there; that one is closed then.
 */
export function createDownloads(port: number): Downloads {
  const idle: Connection[] = [];
  const all = new Set<Connection>();
  const waiting: PromiseWithResolvers<Connection>[] = [];

  function offer(connection: Connection): void {
    const next = connection.usable() ? waiting.shift() : undefined;
    if (next) next.resolve(connection);
    else if (connection.usable() && idle.length < IDLE_CONNECTIONS) idle.push(connection);
    else discard(connection);
  }

  function discard(connection: Connection): void {
    connection.destroy();
    all.delete(connection);
  }

  function connection(): Promise<Connection> {
    for (let free = idle.pop(); free; free = idle.pop()) {
      if (free.usable()) return Promise.resolve(free);
      all.delete(free);
    }
    const next = Promise.withResolvers<Connection>();
    waiting.push(next);
    // Requests on connections that are there go out first.
    setImmediate(dial);
    return next.promise;
  }

  function dial(): void {
    const dialled = openConnection(port);
    all.add(dialled);
    dialled.ready.then(
      () => offer(dialled),
      (error: unknown) => {
        discard(dialled);
        waiting.shift()?.reject(error);
      },
    );
  }

  return {
    async get(path, { tailBytes, whole = false }) {
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => reject(new Error('no answer within 4 s')), DOWNLOAD_MS);
      try {
        const used = await Promise.race([connection(), late]);
        try {
          return await Promise.race([used.get(path, tailBytes, whole), late]);
        } catch (error) {
          used.destroy();
          throw error;
        } finally {
          offer(used);
        }
      } finally {
        clearTimeout(timer);
      }
    },
    destroy() {
      for (const connection of all) connection.destroy();
    },
  };
}

interface Connection {
  /** When its handshake is done. */
  readonly ready: Promise<void>;
  get(path: string, tailBytes: number, whole: boolean): Promise<Downloaded>;
  usable(): boolean;
  destroy(): void;
}

interface Waiting {
  readonly path: string;
  readonly body: Body;
  readonly done: PromiseWithResolvers<Downloaded>;
}

function openConnection(port: number): Connection {
  const buffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const options: ConnectionOptions & { onread: OnReadOpts } = {
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    secureContext,
    onread: {
      buffer,
      callback: (length: number) => take(buffer.subarray(0, length)),
    },
  };
  const socket = connect(options);
  socket.setNoDelay(true);
  let head = '';
  let waiting: Waiting | undefined;
  let mustClose = false;

  const ready = Promise.withResolvers<void>();
  socket.once('secureConnect', () => ready.resolve());

  const fail = (error: Error) => {
    ready.reject(error);
    waiting?.done.reject(error);
    waiting = undefined;
  };
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the connection was cut')));

  function take(bytes: Buffer): boolean {
    if (!waiting) return true;
    let body = bytes;
    if (!waiting.body.begun) {
      const before = head.length;
      head += bytes.toString('latin1', 0, HEAD_BYTES_MAX);
      const end = head.indexOf(HEAD_END);
      if (end < 0) return true;
      const status = head.slice(9, 12);
      if (status !== '200') fail(new Error(`${waiting.path}: ${status}`));
      mustClose = /^connection: *close/im.test(head.slice(0, end));
      waiting?.body.begin(head.slice(0, end));
      body = bytes.subarray(end + HEAD_END.length - before);
    }
    const done = waiting?.body.take(body);
    if (waiting && done) {
      const { resolve } = waiting.done;
      waiting = undefined;
      head = '';
      resolve(done);
    }
    return true;
  }

  return {
    ready: ready.promise,
    get(path, tailBytes, whole) {
      const done = Promise.withResolvers<Downloaded>();
      waiting = { path, body: createBody(tailBytes, whole), done };
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: Go-http-client/1.1\r\n` +
          'Accept-Encoding: gzip\r\n\r\n',
      );
      return done.promise;
    },
    usable: () => !mustClose && !socket.destroyed,
    destroy: () => socket.destroy(),
  };
}

interface Body {
  readonly begun: boolean;
  begin(head: string): void;
  /** What came, once all of it has. */
  take(bytes: Buffer): Downloaded | undefined;
}

/** Counts a body with a length or in chunks, and keeps its end. */
function createBody(tailBytes: number, whole: boolean): Body {
  const pieces: Buffer[] = [];
  let tail: Buffer = Buffer.alloc(0);
  let begun = false;
  let length = 0;
  /** Bytes left of the body or of its chunk; undefined between chunks. */
  let left: number | undefined;
  let chunked = false;
  let line = '';

  const keep = (bytes: Buffer) => {
    length += bytes.length;
    if (whole) pieces.push(Buffer.from(bytes));
    const ends = bytes.subarray(-tailBytes);
    const before = tail.subarray(Math.min(tail.length, ends.length + tail.length - tailBytes));
    tail = ends.length === tailBytes ? Buffer.from(ends) : Buffer.concat([before, ends]);
  };
  const complete = () => ({ length, tail, whole: whole ? Buffer.concat(pieces) : undefined });

  return {
    get begun() {
      return begun;
    },
    begin(head) {
      begun = true;
      chunked = /^transfer-encoding: *chunked/im.test(head);
      if (!chunked) left = Number(/^content-length: *(\d+)/im.exec(head)?.[1]);
    },
    take(bytes) {
      let at = 0;
      while (at < bytes.length) {
        if (left === undefined) {
          const end = bytes.indexOf('\n', at);
          line += bytes.toString('latin1', at, end < 0 ? bytes.length : end);
          at = end < 0 ? bytes.length : end + 1;
          if (end < 0) break;
          const text = line.trim();
          line = '';
          if (text !== '') left = Number.parseInt(text, 16);
          if (left !== 0) continue;
          // The empty line after the last chunk; no stock peer sends trailers here.
          left = -1;
        }
        if (left === -1) {
          if (bytes[at] === 0x0a) return complete();
          at += 1;
          continue;
        }
        const piece = bytes.subarray(at, at + left);
        keep(piece);
        at += piece.length;
        left -= piece.length;
        if (left > 0) continue;
        if (!chunked) return complete();
        left = undefined;
      }
      return left === 0 && !chunked ? complete() : undefined;
    },
  };
}
