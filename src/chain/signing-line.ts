import { connect as dialSocket, isIP, type Socket } from 'node:net';
import { connect as dialTls } from 'node:tls';
import type { Clock, Timer } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import {
  createFrameReader,
  decodeAnswer,
  decodeHello,
  encodeRequest,
  type Frame,
  type SigningAccount,
  type SigningAnswer,
  type SigningRequest,
} from './signing-wire.ts';

/** How long a request may take, a reconnection included: a gateway waits 8 s for a short segment. */
const ANSWER_MS = 5_000;
/** How long the first connection may take. */
const CONNECT_MS = 10_000;
/** Between two tries to connect; doubles from the first to the second. */
const REDIAL_MS = 50;
const REDIAL_MS_MAX = 2_000;
/** A pool has a few for each segment that ends in the same moment; more means that none is answered. */
const PENDING_MAX = 10_000;

/** Where a signer listens. With TLS: our certificate and key, and the CA that vouches for it, in PEM. */
export type SignerAddress =
  | { readonly socket: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly cert: string;
      readonly key: string;
      readonly ca: string;
    };

/** A connection to a signer that comes back by itself. */
export interface SignerLine {
  /** The accounts of the signer, the main one first; rejects with `signer_unreachable`. */
  readonly ready: Promise<readonly [SigningAccount, ...SigningAccount[]]>;
  /**
   * The signer's answer; undefined when there is none in time. A request on its way when the
   * connection breaks is sent again: asking twice does no harm. Throws RangeError when the request
   * does not fit its frame.
   */
  ask(request: SigningRequest): Promise<SigningAnswer | undefined>;
  close(): void;
}

interface Pending {
  readonly bytes: Uint8Array;
  settle(answer: SigningAnswer | undefined): void;
}

/** Starts to connect, and goes on until it is closed. */
export function openLine(
  to: SignerAddress,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): SignerLine {
  const ready = Promise.withResolvers<readonly [SigningAccount, ...SigningAccount[]]>();
  const pending = new Map<number, Pending>();
  let known: string | undefined;
  let socket: Socket | undefined;
  let greeted = false;
  let closed = false;
  let number = 0;
  let pauseMs = REDIAL_MS;
  let redial: Timer | undefined;
  let lastCode = 'no_answer';
  const overdue = clock.after(CONNECT_MS, () => {
    if (known !== undefined) return;
    close();
    ready.reject(
      new TributaryError('signer_unreachable', `The signer cannot be reached (${lastCode}).`),
    );
  });

  function dial(): void {
    let opened: Socket;
    try {
      opened = open(to);
    } catch (error) {
      lastCode = codeOf(error);
      redial = clock.after(REDIAL_MS_MAX, dial);
      return;
    }
    const reader = createFrameReader();
    socket = opened;
    greeted = false;
    opened.on('error', (error) => {
      lastCode = codeOf(error);
    });
    opened.on('data', (chunk) => {
      const frames = reader.take(chunk);
      if (!frames?.every(take)) opened.destroy();
    });
    opened.on('end', () => opened.destroy());
    opened.on('close', () => {
      if (closed || socket !== opened) return;
      if (greeted) log.warn('signer_away', { code: lastCode });
      greeted = false;
      redial = clock.after(pauseMs, dial);
      pauseMs = Math.min(2 * pauseMs, REDIAL_MS_MAX);
    });
  }

  /** False when the frame makes no sense, so that the connection is of no use. */
  function take(frame: Frame): boolean {
    if (!greeted) return greet(frame);
    const answer = decodeAnswer(frame);
    if (!answer) return false;
    pending.get(frame.number)?.settle(answer);
    return true;
  }

  function greet(frame: Frame): boolean {
    const [main, ...others] = decodeHello(frame) ?? [];
    if (!main) return false;
    const named = JSON.stringify([main, others]);
    if (known !== undefined && named !== known) {
      // Tickets name the account, and the database is sealed with its key: never go on with another.
      log.error('signer_changed');
      lastCode = 'other_accounts';
      return false;
    }
    greeted = true;
    pauseMs = REDIAL_MS;
    if (known !== undefined) log.info('signer_back');
    known = named;
    overdue.cancel();
    ready.resolve([main, ...others]);
    for (const { bytes } of pending.values()) socket?.write(bytes);
    return true;
  }

  function close(): void {
    closed = true;
    redial?.cancel();
    overdue.cancel();
    socket?.destroy();
    for (const { settle } of pending.values()) settle(undefined);
  }

  dial();
  return {
    ready: ready.promise,
    ask(request) {
      number = (number % 0xffff_ffff) + 1;
      const own = number;
      const bytes = encodeRequest(own, request);
      if (closed || pending.size >= PENDING_MAX) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const late = clock.after(ANSWER_MS, () => {
          settle(undefined);
          // A connection that nobody answers at may be dead without saying so.
          if (greeted) socket?.destroy();
        });
        const settle = (answer: SigningAnswer | undefined) => {
          late.cancel();
          pending.delete(own);
          resolve(answer);
        };
        pending.set(own, { bytes, settle });
        if (greeted) socket?.write(bytes);
      });
    },
    close,
  };
}

function open(to: SignerAddress): Socket {
  if ('socket' in to) return dialSocket(to.socket);
  return dialTls({
    host: to.host,
    port: to.port,
    cert: to.cert,
    key: to.key,
    ca: to.ca,
    minVersion: 'TLSv1.3',
    // A name of its own for the connection; an IP address is checked without one.
    ...(isIP(to.host) === 0 && { servername: to.host }),
  });
}

/** What Node names the failure by; its text may hold an address. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'failed';
}
