import { blockOf, CODE, ConnectionError, FLAG, FRAME } from './h2-frames.ts';
import { createHpackDecoder } from './hpack.ts';
import type { Field } from './hpack-tables.ts';
import type { ListenerLimits } from './limits.ts';

/** A block takes at most so many frames: empty ones would cost us and not the peer. */
const FRAMES_MAX = 64;

/** Puts the header blocks of a connection together. All of it throws {@link ConnectionError}. */
export interface HeaderBlocks {
  /** Between HEADERS and its last CONTINUATION nothing else may come. */
  check(type: number, stream: number): void;
  headers(stream: number, flags: number, payload: Buffer): void;
  continuation(flags: number, payload: Buffer): void;
}

/**
 * Creates it for one connection. `whole` gets each block in its order, without fields where it is
 * over the limits. Also throws `HpackError`.
 */
export function createHeaderBlocks(
  limits: ListenerLimits,
  whole: (stream: number, ends: boolean, fields: readonly Field[] | undefined) => void,
): HeaderBlocks {
  const { headerBytesMax, headersMax } = limits;
  const decoder = createHpackDecoder({ bytesMax: headerBytesMax, fieldsMax: headersMax });
  let open:
    | { readonly stream: number; readonly ends: boolean; readonly pieces: Buffer[]; bytes: number }
    | undefined;

  return {
    check(type, stream) {
      if (open && (type !== FRAME.continuation || stream !== open.stream)) {
        throw new ConnectionError(CODE.protocol, 'headers were not brought to their end');
      }
    },
    headers(stream, flags, payload) {
      if (stream % 2 === 0) throw new ConnectionError(CODE.protocol, 'not a stream of a client');
      const block = blockOf(payload, flags, stream);
      const ends = (flags & FLAG.endStream) !== 0;
      if (flags & FLAG.endHeaders) whole(stream, ends, decoder.decode(block));
      else open = { stream, ends, pieces: [Buffer.from(block)], bytes: block.length };
    },
    continuation(flags, payload) {
      if (!open) throw new ConnectionError(CODE.protocol, 'CONTINUATION of nothing');
      open.pieces.push(Buffer.from(payload));
      open.bytes += payload.length;
      if (open.bytes > 2 * headerBytesMax || open.pieces.length > FRAMES_MAX) {
        throw new ConnectionError(CODE.enhanceYourCalm, 'headers without an end');
      }
      if (!(flags & FLAG.endHeaders)) return;
      const { stream, ends, pieces } = open;
      open = undefined;
      whole(stream, ends, decoder.decode(Buffer.concat(pieces)));
    },
  };
}
