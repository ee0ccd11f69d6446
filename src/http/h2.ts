import type { TLSSocket } from 'node:tls';
import { createAllowance } from './allowance.ts';
import { type ListenerContext, type ServedConnection, serve } from './context.ts';
import { H2Exchange, type H2Wire } from './h2-exchange.ts';
import {
  CODE,
  ConnectionError,
  createFrameReader,
  FLAG,
  FRAME,
  type FrameSink,
  frameOf,
  numbersFrame,
  readSettings,
  SETTING,
  WINDOW_DEFAULT,
  WINDOW_MAX,
} from './h2-frames.ts';
import { FRAME_BYTES_MAX, greeting } from './h2-greeting.ts';
import { createHeaderBlocks, type HeaderBlocks } from './h2-headers.ts';
import { createPings, type Pings } from './h2-pings.ts';
import { readSocket } from './h2-reads.ts';
import { areTrailers, requestHeaders } from './h2-request.ts';
import { createSender, type Sender } from './h2-sender.ts';
import { HpackError } from './hpack.ts';
import type { Field } from './hpack-tables.ts';

/** Streams that a peer may reset at once and per second: a gateway gives up a few segments, an
 * attacker (CVE-2023-44487) thousands. Streams that it makes us reset count alike. */
const RESETS = { burst: 300, perSecond: 50 };
/** Frames that want an answer or nothing. gRPC measures the line with a PING per round trip. */
const IDLE_FRAMES = { burst: 10_000, perSecond: 2_000 };
/** Streams that we ended remember it, for frames that were on their way. */
const RECENT_MAX = 100;
/** After a fault of the peer: how long and how much more is read and dropped. */
const LINGER_MS = 1_000;
const LINGER_BYTES = 4 * 1024 * 1024;

/** Serves HTTP/2 on a socket whose TLS handshake is done and chose `h2`. */
export function serveH2(context: ListenerContext, socket: TLSSocket, peer: string): void {
  context.connections.add(new H2Connection(context, socket, peer));
}

class H2Connection implements ServedConnection {
  readonly protocol = 'h2';
  readonly remoteAddress: string | undefined;
  readonly #context: ListenerContext;
  readonly #socket: TLSSocket;
  readonly #peer: string;
  readonly #sender: Sender;
  readonly #blocks: HeaderBlocks;
  readonly #wire: H2Wire;
  readonly #streams = new Map<number, H2Exchange>();
  /** Streams that this side ended, or made end, a moment ago. */
  readonly #recent = new Set<number>();
  readonly #pings: Pings;
  readonly #mayReset: () => boolean;
  readonly #mayIdle: () => boolean;
  #lastStream = 0;
  #receiveWindow: number;
  #ungranted = 0;
  #peerWindow = WINDOW_DEFAULT;
  #idleSince: number;
  #greeted = false;
  #closing = false;
  /** Nothing more is read or answered. */
  #over = false;
  #dropped = 0;

  constructor(context: ListenerContext, socket: TLSSocket, peer: string) {
    const { limits, clock } = context;
    this.remoteAddress = socket.remoteAddress;
    this.#context = context;
    this.#socket = socket;
    this.#peer = peer;
    this.#idleSince = clock.now();
    this.#receiveWindow = limits.connectionWindowBytes;
    this.#mayReset = createAllowance(clock, RESETS);
    this.#mayIdle = createAllowance(clock, IDLE_FRAMES);
    this.#blocks = createHeaderBlocks(limits, (id, ends, fields) =>
      this.#headers(id, ends, fields),
    );
    const sender = createSender(socket, {
      flooded: () => {
        context.metrics.refused.inc({ reason: 'control_flood' });
        this.#terminate(CODE.enhanceYourCalm);
      },
    });
    this.#sender = sender;
    this.#pings = createPings(clock, (payload) => sender.frame(frameOf(FRAME.ping, 0, 0, payload)));
    this.#wire = {
      headers: sender.headers,
      wantsToSend: sender.add,
      grant: (exchange, bytes) => this.#grant(exchange, bytes),
      reset: (id, code) => this.#reset(id, code),
      over: (exchange) => this.#finished(exchange),
    };
    context.metrics.connections.inc({ protocol: 'h2' });
    socket.once('close', () => {
      context.connections.delete(this);
      context.metrics.connections.dec({ protocol: 'h2' });
      this.#abandon();
    });
    socket.on('end', () => this.destroy());
    sender.frame(greeting(limits));
    const read = createFrameReader(this.#sink(), {
      frameBytesMax: FRAME_BYTES_MAX,
      keptBytesMax: limits.headerBytesMax,
    });
    readSocket(socket, (bytes) => {
      if (this.#over) {
        this.#dropped += bytes.length;
        if (this.#dropped > LINGER_BYTES) socket.destroy();
        return;
      }
      try {
        read(bytes);
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #sink(): FrameSink {
    return {
      frame: (type, flags, stream, payload) => {
        if (this.#over) return;
        this.#blocks.check(type, stream);
        if (!this.#greeted && type !== FRAME.settings) {
          throw new ConnectionError(CODE.protocol, 'the first frame is not SETTINGS');
        }
        this.#frame(type, flags, stream, payload);
      },
      dataBegins: (stream, length) => this.#dataBegins(stream, length),
      data: (stream, bytes) => {
        const exchange = this.#streams.get(stream);
        if (!exchange || exchange.requestEnded) this.#grantConnection(bytes.length);
        else if (!exchange.data(bytes)) this.#spoil(exchange, CODE.protocol);
      },
      padding: (stream, length) => {
        const exchange = this.#streams.get(stream);
        if (exchange) this.#grant(exchange, length);
        else this.#grantConnection(length);
      },
      dataEnds: (stream, flags) => {
        const exchange = this.#streams.get(stream);
        if (exchange && flags & FLAG.endStream) this.#requestEnds(exchange);
      },
      idle: () => this.#countIdle(),
    };
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.headers:
        this.#blocks.headers(id, flags, payload);
        return;
      case FRAME.continuation:
        this.#blocks.continuation(flags, payload);
        return;
      case FRAME.settings:
        this.#settings(id, flags, payload);
        return;
      case FRAME.windowUpdate:
        this.#windowUpdate(id, payload);
        return;
      case FRAME.ping:
        this.#ping(id, flags, payload);
        return;
      case FRAME.reset:
        this.#resetByPeer(id, payload);
        return;
      case FRAME.priority:
        this.#priority(id, payload);
        return;
      case FRAME.goaway:
        if (id !== 0) throw new ConnectionError(CODE.protocol, 'GOAWAY on a stream');
        this.#closeWhenIdle();
        return;
      case FRAME.pushPromise:
        throw new ConnectionError(CODE.protocol, 'a client that pushes');
      default: // of a type that nobody knows
    }
  }

  #dataBegins(id: number, length: number): void {
    this.#blocks.check(FRAME.data, id);
    if (!this.#greeted) throw new ConnectionError(CODE.protocol, 'the first frame is not SETTINGS');
    this.#receiveWindow -= length;
    if (this.#receiveWindow < 0) {
      throw new ConnectionError(CODE.flowControl, 'more than the window of the connection');
    }
    const exchange = this.#streams.get(id);
    if (!exchange || exchange.requestEnded) {
      this.#strayData(id, exchange);
      return;
    }
    exchange.receiveWindow -= length;
    if (exchange.receiveWindow < 0) this.#spoil(exchange, CODE.flowControl);
  }

  #strayData(id: number, exchange: H2Exchange | undefined): void {
    if (this.#isIdle(id)) throw new ConnectionError(CODE.protocol, 'DATA on an idle stream');
    if (exchange) {
      this.#spoil(exchange, CODE.streamClosed);
      return;
    }
    if (this.#recent.has(id)) return;
    this.#countReset();
    this.#reset(id, CODE.streamClosed);
  }

  #requestEnds(exchange: H2Exchange): void {
    if (exchange.requestEnded) return;
    if (!exchange.requestEnds()) {
      this.#spoil(exchange, CODE.protocol);
      return;
    }
    exchange.finish();
  }

  #headers(id: number, ends: boolean, fields: readonly Field[] | undefined): void {
    const exchange = this.#streams.get(id);
    if (exchange) {
      if (exchange.requestEnded) {
        this.#spoil(exchange, CODE.streamClosed);
        return;
      }
      if (!ends || !fields || !areTrailers(fields)) {
        this.#spoil(exchange, CODE.protocol);
        return;
      }
      this.#requestEnds(exchange);
      return;
    }
    if (!this.#isIdle(id)) {
      if (this.#recent.has(id)) return;
      throw new ConnectionError(CODE.streamClosed, 'HEADERS on a closed stream');
    }
    this.#lastStream = id;
    if (this.#closing) return; // the peer learns from GOAWAY that nobody took it
    this.#open(id, ends, fields);
  }

  #open(id: number, ends: boolean, fields: readonly Field[] | undefined): void {
    const { limits, metrics, peers } = this.#context;
    const refuse = (code: number) => {
      this.#countReset();
      this.#reset(id, code);
    };
    if (this.#streams.size >= limits.streamsPerConnectionMax) {
      refuse(CODE.refusedStream);
      return;
    }
    if (!fields) {
      metrics.refused.inc({ reason: 'header_too_large' });
      this.#sender.headers(id, [[':status', '431']], { end: true });
      refuse(CODE.none);
      return;
    }
    const headers = requestHeaders(fields);
    if (!headers) {
      refuse(CODE.protocol);
      return;
    }
    const exchange = new H2Exchange(this.#context, this.#wire, {
      id,
      headers,
      ended: ends,
      sendWindow: this.#peerWindow,
      connection: this,
      peer: this.#peer,
    });
    if (ends && !exchange.requestEnds()) {
      refuse(CODE.protocol);
      return;
    }
    this.#streams.set(id, exchange);
    peers.exchanges.add(this.#peer);
    metrics.exchanges.inc({ protocol: 'h2' });
    void serve(this.#context, exchange);
  }

  #settings(id: number, flags: number, payload: Buffer): void {
    if (id !== 0) throw new ConnectionError(CODE.protocol, 'SETTINGS on a stream');
    if (flags & FLAG.ack) {
      if (payload.length > 0) throw new ConnectionError(CODE.frameSize, 'an answer with settings');
      return;
    }
    this.#greeted = true;
    this.#countIdle();
    const sender = this.#sender;
    for (const [setting, value] of readSettings(payload)) {
      if (setting === SETTING.tableBytes) sender.emptyTable = true;
      else if (setting === SETTING.frameBytes) sender.frameBytesMax = value;
      else if (setting === SETTING.windowBytes) {
        for (const exchange of this.#streams.values()) {
          exchange.sendWindow += value - this.#peerWindow;
          if (exchange.sendWindow > WINDOW_MAX) {
            throw new ConnectionError(CODE.flowControl, 'a window too large');
          }
        }
        this.#peerWindow = value;
      }
    }
    sender.frame(frameOf(FRAME.settings, FLAG.ack, 0));
    sender.flush();
  }

  #windowUpdate(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(CODE.frameSize, 'not a WINDOW_UPDATE');
    const bytes = payload.readUInt32BE(0) & WINDOW_MAX;
    const sender = this.#sender;
    if (id === 0) {
      if (bytes === 0) throw new ConnectionError(CODE.protocol, 'a window of nothing');
      sender.window += bytes;
      if (sender.window > WINDOW_MAX) {
        throw new ConnectionError(CODE.flowControl, 'a window too large');
      }
    } else {
      if (this.#isIdle(id)) throw new ConnectionError(CODE.protocol, 'a window of an idle stream');
      const exchange = this.#streams.get(id);
      if (!exchange) return;
      if (bytes === 0) {
        this.#spoil(exchange, CODE.protocol);
        return;
      }
      exchange.sendWindow += bytes;
      if (exchange.sendWindow > WINDOW_MAX) {
        this.#spoil(exchange, CODE.flowControl);
        return;
      }
    }
    sender.flush();
  }

  #ping(id: number, flags: number, payload: Buffer): void {
    if (id !== 0) throw new ConnectionError(CODE.protocol, 'PING on a stream');
    if (payload.length !== 8) throw new ConnectionError(CODE.frameSize, 'not a PING');
    if (flags & FLAG.ack) {
      this.#pings.answered(payload);
      return;
    }
    this.#countIdle();
    this.#sender.frame(frameOf(FRAME.ping, FLAG.ack, 0, payload));
  }

  #resetByPeer(id: number, payload: Buffer): void {
    if (id === 0 || this.#isIdle(id)) {
      throw new ConnectionError(CODE.protocol, 'a reset of an idle stream');
    }
    if (payload.length !== 4) throw new ConnectionError(CODE.frameSize, 'not a RST_STREAM');
    this.#countReset();
    this.#streams.get(id)?.gone({ cancelled: payload.readUInt32BE(0) === CODE.cancel });
  }

  #priority(id: number, payload: Buffer): void {
    if (id === 0) throw new ConnectionError(CODE.protocol, 'PRIORITY of no stream');
    this.#countIdle();
    if (payload.length !== 5) {
      this.#countReset();
      this.#reset(id, CODE.frameSize);
    } else if ((payload.readUInt32BE(0) & WINDOW_MAX) === id) {
      throw new ConnectionError(CODE.protocol, 'a stream that depends on itself');
    }
  }

  /** Whether nobody has used the stream yet. */
  #isIdle(id: number): boolean {
    return id > this.#lastStream || id % 2 === 0;
  }

  #grant(exchange: H2Exchange, bytes: number): void {
    this.#grantConnection(bytes);
    exchange.ungranted += bytes;
    const { streamWindowBytes } = this.#context.limits;
    if (exchange.requestEnded || exchange.ungranted < streamWindowBytes / 2) return;
    exchange.receiveWindow += exchange.ungranted;
    this.#sender.frame(numbersFrame(FRAME.windowUpdate, exchange.id, exchange.ungranted));
    exchange.ungranted = 0;
  }

  #grantConnection(bytes: number): void {
    this.#ungranted += bytes;
    if (this.#ungranted < this.#context.limits.connectionWindowBytes / 2) return;
    this.#receiveWindow += this.#ungranted;
    this.#sender.frame(numbersFrame(FRAME.windowUpdate, 0, this.#ungranted));
    this.#ungranted = 0;
  }

  /** The peer broke the rules of one stream. */
  #spoil(exchange: H2Exchange, code: number): void {
    this.#countReset();
    this.#reset(exchange.id, code);
    exchange.gone();
  }

  #reset(id: number, code: number): void {
    this.#remember(id);
    this.#sender.frame(numbersFrame(FRAME.reset, id, code));
  }

  #remember(id: number): void {
    this.#recent.add(id);
    if (this.#recent.size > RECENT_MAX) this.#recent.delete(this.#recent.keys().next().value ?? 0);
  }

  #countReset(): void {
    if (!this.#mayReset()) throw new ConnectionError(CODE.enhanceYourCalm, 'too many resets');
  }

  #countIdle(): void {
    if (!this.#mayIdle()) throw new ConnectionError(CODE.enhanceYourCalm, 'too many empty frames');
  }

  #finished(exchange: H2Exchange): void {
    if (!this.#streams.delete(exchange.id)) return;
    const { clock, metrics, peers } = this.#context;
    this.#sender.remove(exchange);
    this.#idleSince = clock.now();
    peers.exchanges.remove(this.#peer);
    metrics.exchanges.dec({ protocol: 'h2' });
    if (this.#closing) this.#closeWhenIdle();
  }

  #fail(error: unknown): void {
    if (error instanceof HpackError) {
      this.#terminate(CODE.compression);
      return;
    }
    if (!(error instanceof ConnectionError)) throw error;
    this.#terminate(error.code);
  }

  /**
   * Says why, and ends the connection. What still comes is read and dropped, or the kernel would
   * reset the connection, and the reason with it.
   */
  #terminate(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#abandon();
    this.#socket.end(numbersFrame(FRAME.goaway, 0, this.#lastStream, code));
    this.#context.clock.after(LINGER_MS, () => this.#socket.destroy());
  }

  #abandon(): void {
    for (const exchange of [...this.#streams.values()]) exchange.gone();
    this.#pings.end();
  }

  look(now: number): void {
    const { limits, metrics } = this.#context;
    if (!this.#greeted && now - this.#idleSince >= limits.headersMs) {
      metrics.refused.inc({ reason: 'no_first_frame' });
      this.destroy();
    } else if (this.#streams.size === 0 && now - this.#idleSince >= limits.idleMs) {
      this.close();
    }
    for (const exchange of this.#streams.values()) {
      if (now - (exchange.writes.waitingSince ?? now) < limits.writeMs) continue;
      metrics.refused.inc({ reason: 'stalled_reader' });
      exchange.cut();
    }
  }

  ping(timeoutMs: number): Promise<boolean> {
    if (this.#over || this.#socket.destroyed) return Promise.resolve(false);
    return this.#pings.ask(timeoutMs);
  }

  close(): void {
    if (this.#closing || this.#over || this.#socket.destroyed) return;
    this.#closing = true;
    this.#sender.frame(numbersFrame(FRAME.goaway, 0, this.#lastStream, CODE.none));
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    this.#closing = true;
    if (this.#streams.size === 0 && !this.#over) this.#socket.destroySoon();
  }

  destroy(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#over = true;
    if (socket.writable) socket.write(numbersFrame(FRAME.goaway, 0, this.#lastStream, CODE.none));
    socket.destroy();
  }
}
