import type { TLSSocket } from 'node:tls';
import type { H2Exchange } from './h2-exchange.ts';
import {
  FLAG,
  FRAME,
  FRAME_BYTES_DEFAULT,
  frameHead,
  headerFrames,
  WINDOW_DEFAULT,
} from './h2-frames.ts';
import { encodeFields } from './hpack.ts';
import type { Field } from './hpack-tables.ts';

/** Handed to the socket before its last bytes are gone: enough to keep it busy. */
const AHEAD_BYTES = 256 * 1024;
/** Of one stream before it is another's turn. */
const TURN_BYTES = 256 * 1024;
/** Answers to a peer that asks and never reads: beyond this it is cut. */
const UNREAD_BYTES_MAX = 1024 * 1024;

/** The sending half of a connection: what must go at once, and DATA as far as the windows let it. */
export interface Sender {
  /** Sends a frame before any DATA that waits. Calls `flooded` when the peer reads nothing. */
  frame(bytes: Buffer): void;
  headers(stream: number, fields: readonly Field[], options: { readonly end: boolean }): void;
  /** Something is in an exchange's `outgoing`. */
  add(exchange: H2Exchange): void;
  remove(exchange: H2Exchange): void;
  /** Sends what can be sent, after a window or the peer's settings have changed. */
  flush(): void;
  /** What the peer lets us send in all. */
  window: number;
  /** The largest frame that the peer takes. */
  frameBytesMax: number;
  /** The peer's decoder has to be told that its table stays empty. */
  emptyTable: boolean;
}

/** Creates the sender of a connection whose handshake is done. */
export function createSender(socket: TLSSocket, options: { readonly flooded: () => void }): Sender {
  const waiting = new Set<H2Exchange>();
  let corked = false;

  /** What is written in one turn of the event loop goes out in as few TLS records as it can. */
  function write(bytes: Uint8Array, sent?: (error?: Error | null) => void): void {
    if (!socket.writable) return;
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(() => {
        corked = false;
        socket.uncork();
      });
    }
    socket.write(bytes, sent);
  }

  function block(
    stream: number,
    fields: readonly Field[],
    { end }: { readonly end: boolean },
    sent?: (error?: Error | null) => void,
  ): void {
    const encoded = encodeFields(fields, { emptyTable: sender.emptyTable });
    sender.emptyTable = false;
    write(headerFrames(stream, encoded, { end, frameBytesMax: sender.frameBytesMax }), sent);
  }

  const blocked = ({ outgoing, sendWindow }: H2Exchange): boolean =>
    (outgoing.chunks[0]?.bytes.length ?? 0) > 0 && (sendWindow <= 0 || sender.window <= 0);

  function flush(): void {
    for (let stuck = 0; stuck < waiting.size && socket.writableLength < AHEAD_BYTES; ) {
      const [exchange] = waiting as Iterable<H2Exchange> as [H2Exchange];
      waiting.delete(exchange);
      if (blocked(exchange)) stuck += 1;
      else {
        stuck = 0;
        turn(exchange);
      }
      if (exchange.outgoing.chunks.length > 0) waiting.add(exchange);
    }
  }

  /** Sends of one stream what fits. */
  function turn(exchange: H2Exchange): void {
    const { outgoing, id } = exchange;
    const { chunks } = outgoing;
    let left = TURN_BYTES;
    for (let chunk = chunks[0]; chunk && left > 0; chunk = chunks[0]) {
      const most = Math.min(left, exchange.sendWindow, sender.window, sender.frameBytesMax);
      const piece = chunk.bytes.subarray(chunk.at, chunk.at + Math.max(0, most));
      if (piece.length === 0 && chunk.bytes.length > 0) return;
      chunk.at += piece.length;
      left -= piece.length;
      exchange.sendWindow -= piece.length;
      sender.window -= piece.length;
      const whole = chunk.at === chunk.bytes.length;
      if (whole) chunks.shift();
      const last = whole && chunks.length === 0 ? outgoing.end : undefined;
      const sent = (error?: Error | null) => {
        if (error) return; // the connection is gone, and all that waits on it
        if (whole) chunk.taken();
        if (last) exchange.responseSent();
        flush();
      };
      const ends = last !== undefined && !last.trailers;
      if (piece.length > 0 || ends) {
        const head = frameHead(FRAME.data, ends ? FLAG.endStream : 0, id, piece.length);
        write(head, piece.length > 0 || last?.trailers ? undefined : sent);
      }
      // Never an empty write, which would make Node read in the middle of it.
      if (piece.length > 0) write(piece, last?.trailers ? undefined : sent);
      if (last?.trailers) block(id, last.trailers, { end: true }, sent);
    }
  }

  const sender: Sender = {
    window: WINDOW_DEFAULT,
    frameBytesMax: FRAME_BYTES_DEFAULT,
    emptyTable: true,
    frame(bytes) {
      if (socket.writableLength > UNREAD_BYTES_MAX) return options.flooded();
      write(bytes);
    },
    headers: (stream, fields, { end }) => block(stream, fields, { end }),
    add(exchange) {
      waiting.add(exchange);
      flush();
    },
    remove: (exchange) => void waiting.delete(exchange),
    flush,
  };
  return sender;
}
