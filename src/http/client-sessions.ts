import { type ClientHttp2Session, connect, constants } from 'node:http2';
import type { Clock, Timer } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { type DialOptions, dialTls } from './client-dial.ts';
import { type ClientRequest, type Started, singleValues } from './client-request.ts';

/** A 2 s segment at 7 Mbit/s in flight per stream without waiting; Node's 64 KiB stalls uploads. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
/** Eight such streams at once. */
const CONNECTION_WINDOW_BYTES = 32 * 1024 * 1024;
/** Fewer frames for large bodies; the peer answers with its own choice. */
const FRAME_BYTES_MAX = 256 * 1024;
/** MB; Node's 10 MB would refuse new streams while large bodies wait to be written. */
const SESSION_MEMORY_MAX_MB = 512;

/** What remains to be said at the end is a few frames. */
const GOODBYE_MS = 1_000;

/** How often the peer must show that it lives, in ms. */
export interface Heartbeat {
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** Who answered: the pin of the certificate that was shown, and the IP address. */
export interface Peer {
  readonly pin: string;
  readonly address: string;
}

/** The HTTP/2 session to one origin, opened when needed and renewed when it died. */
export interface Sessions {
  /** Opens the session now. `pin` is that of the certificate which the server showed. */
  connect(signal: AbortSignal): Promise<Peer>;
  start(request: ClientRequest, signal: AbortSignal): Promise<Started>;
  close(): void;
}

interface Live {
  readonly session: ClientHttp2Session;
  readonly pin: string;
  readonly address: string;
}

/** Opens nothing yet. */
export function createSessions(
  target: Omit<DialOptions, 'protocols' | 'signal'>,
  authority: string,
  heartbeat: Heartbeat | undefined,
): Sessions {
  const { clock } = target;
  let current: Promise<Live> | undefined;
  let closed = false;
  const open = new Set<ClientHttp2Session>();

  /** One dial serves every request that waits for it. */
  function session(): Promise<Live> {
    if (current) return current;
    const opening = dial();
    current = opening;
    const forget = () => {
      if (current === opening) current = undefined;
    };
    opening.then(({ session }) => {
      session.once('goaway', forget);
      session.once('close', forget);
    }, forget);
    return opening;
  }

  async function dial(): Promise<Live> {
    const { socket, pin, address } = await dialTls({ ...target, protocols: ['h2'] });
    if (closed || socket.alpnProtocol !== 'h2') {
      socket.destroy();
      throw new TributaryError(
        'connection_failed',
        closed ? 'connection: closed by us' : 'connection: the server does not speak HTTP/2',
      );
    }
    const session = connect(`https://${authority}`, {
      createConnection: () => socket,
      settings: {
        enablePush: false,
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxFrameSize: FRAME_BYTES_MAX,
      },
      maxSessionMemory: SESSION_MEMORY_MAX_MB,
    });
    session.on('error', () => {}); // every stream of it fails with the same error and tells
    open.add(session);
    session.once('close', () => open.delete(session));
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    // After GOAWAY no new stream fits here; what runs may end.
    session.once('goaway', () => session.close());
    if (heartbeat) beat(session, heartbeat, clock);
    return { session, pin, address };
  }

  return {
    async connect(signal) {
      const { pin, address } = await abortable(session(), signal);
      return { pin, address };
    },
    async start(request, signal) {
      const live = await abortable(session(), signal);
      const stream = live.session.request(
        {
          ':method': request.method,
          ':path': request.path,
          ...request.headers,
        },
        { endStream: false },
      );
      let failure: Error | undefined;
      let trailers: Record<string, string | undefined> = {};
      stream.on('error', (error) => {
        failure = error;
      });
      stream.on('trailers', (headers) => {
        trailers = singleValues(headers);
      });
      const head: Started['head'] = new Promise((resolve, reject) => {
        stream.once('response', (headers) => {
          resolve({
            status: headers[':status'] ?? 0,
            headers: singleValues(headers),
            readable: stream,
            trailers: () => trailers,
            resetCode: () => stream.rstCode ?? 0,
          });
        });
        stream.once('close', () =>
          reject(failure ?? new Error(`stream closed, code ${stream.rstCode}`)),
        );
      });
      return {
        writable: stream,
        head,
        destroy(error) {
          failure ??= error;
          if (stream.destroyed) return;
          stream.close(constants.NGHTTP2_CANCEL);
          if (error) stream.destroy(error); // whoever waits learns now, not when the peer agrees
        },
      };
    },
    close() {
      closed = true;
      for (const session of open) {
        // Streams that were cancelled just now still have to say so to the peer.
        session.close();
        const timer = clock.after(GOODBYE_MS, () => session.destroy());
        session.once('close', () => timer.cancel());
      }
    },
  };
}

/** Destroys a session whose peer leaves a PING unanswered: TCP alone notices minutes later. */
function beat(session: ClientHttp2Session, heartbeat: Heartbeat, clock: Clock): void {
  let timer: Timer | undefined;
  const next = () => {
    timer = clock.after(heartbeat.everyMs, ping);
  };
  const ping = () => {
    if (session.destroyed || session.closed) return;
    timer = clock.after(heartbeat.timeoutMs, () =>
      session.destroy(new Error(`peer silent for ${heartbeat.timeoutMs} ms`)),
    );
    session.ping((error) => {
      timer?.cancel();
      if (!error) next();
    });
  };
  session.once('close', () => timer?.cancel());
  next();
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
