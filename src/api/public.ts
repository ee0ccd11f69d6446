import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { networkOf } from '../http/address.ts';
import { createCounts } from '../http/peers.ts';
import type { ServedApi } from './app.ts';
import { type ClientAddresses, createClientAddresses, type Peer } from './client-address.ts';
import {
  boundTimes,
  listening,
  passOn,
  running,
  sendProblem,
  TIMES_CHECKED,
} from './node-server.ts';
import { type Problem, problems } from './problem.ts';
import { createRequestRate } from './request-rate.ts';
import { shareAnswers } from './shared-answers.ts';
import { fileBelow, sendFile } from './static-files.ts';
import { createStrangers, type Strangers } from './strangers.ts';

/** The longest path that is published has about 60 characters. */
const TARGET_CHARACTERS_MAX = 1_024;
const HEADER_BYTES_MAX = 8 * 1024;
/** A signed message, or a dispute with its reasons. */
const BODY_BYTES_MAX = 64 * 1024;
/** Streams of live values, and who comes besides; each may hold an open file. */
const CONNECTIONS_MAX = 4_096;
const ANSWERS_MAX = 128;
/** A browser opens six connections, and a verifier reads a few files at once; each may be read slowly. */
const ANSWERS_EACH_MAX = 32;
/** As many streams as one address may have, and as many readers of pages again; proxies have all. */
const CONNECTIONS_EACH_MAX = 128;
/** Most of what is asked for is there in milliseconds. */
const HEADERS_MS = 5_000;
const IDLE_MS = 10_000;
/** A list of 100,000 workers over a slow line takes a minute; a reader that takes nothing, less. */
const SILENT_MS = 30_000;

/** What the public address stands on. */
export interface PublicParts {
  /** Served below `/proofs/`; it need not exist yet. Undefined: nothing is. */
  readonly proofsDir?: string;
  /** Everything else. */
  readonly api: ServedApi;
  /** Whose word counts of who asks; nobody's when left out. */
  readonly addresses?: ClientAddresses;
  readonly log: Log;
  readonly clock?: Clock;
}

/** A running public address. */
export interface PublicServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves to everybody what the pool publishes, and the API, in plain HTTP; for the internet a proxy in front adds
 * TLS. Throws `address_in_use` or `address_invalid`.
 */
export async function servePublic(
  parts: PublicParts,
  address: { readonly host: string; readonly port: number },
): Promise<PublicServer> {
  const clock = parts.clock ?? systemClock;
  const { refused } = parts.api;
  const rate = createRequestRate(clock);
  const strangers = createStrangers(clock);
  const share = shareAnswers(parts.api, clock, strangers);
  const addresses = parts.addresses ?? createClientAddresses([]);
  const answers = createPlaces(ANSWERS_MAX, ANSWERS_EACH_MAX);
  const options = { maxHeaderSize: HEADER_BYTES_MAX, ...TIMES_CHECKED };
  const server = createServer(options, (request, response) => {
    const peer = addresses.of(request);
    if (!rate.take(peer)) return sendProblem(response, problems.tooMany, refused);
    const place = answers.take(peer);
    if ('code' in place) return sendProblem(response, place, refused);
    answer({ ...parts, strangers, share, peer }, request, response)
      .catch((error: unknown) => {
        // A request that broke off is nobody's fault.
        if (request.destroyed && !request.complete) return void response.destroy();
        parts.log.error('public_request_failed', { error: messageOf(error) });
        if (response.headersSent) response.destroy();
        else sendProblem(response, problems.ours);
      })
      .finally(() => {
        // Events go on for hours. Anything else takes its place until its reader has it.
        if (response.writableEnded && !response.destroyed && !response.writableFinished) {
          response.once('close', place.leave);
        } else place.leave();
      });
  });
  server.maxConnections = CONNECTIONS_MAX;
  boundConnections(server, addresses);
  boundTimes(server, { headersMs: HEADERS_MS, requestMs: HEADERS_MS });
  server.keepAliveTimeout = IDLE_MS;
  server.setTimeout(SILENT_MS, (socket) => socket.destroy());
  await listening(server, address, {
    used: `another program listens at port ${address.port}, the public address of --http-addr`,
    invalid: 'the public address of --http-addr cannot be used',
  });
  return running(server);
}

/** One address must not hold all connections; a proxy speaks for many. */
function boundConnections(server: Server, addresses: ClientAddresses): void {
  const open = createCounts();
  server.on('connection', (socket) => {
    const { remoteAddress = '' } = socket;
    if (addresses.isOfMany(remoteAddress)) return;
    const from = networkOf(remoteAddress);
    if (open.of(from) >= CONNECTIONS_EACH_MAX) return void socket.destroy();
    open.add(from);
    socket.once('close', () => open.remove(from));
  });
}

/** Places for answers that are being made or read, of which no peer has all. */
function createPlaces(most: number, mostEach: number) {
  const taken = createCounts();
  let all = 0;
  return {
    take(peer: Peer): { leave(): void } | Problem {
      if (all >= most) return problems.busy;
      if (peer !== undefined && taken.of(peer) >= mostEach) return problems.tooMany;
      all++;
      if (peer !== undefined) taken.add(peer);
      return {
        leave() {
          all--;
          if (peer !== undefined) taken.remove(peer);
        },
      };
    },
  };
}

async function answer(
  parts: PublicParts & {
    readonly strangers: Strangers;
    readonly share: ReturnType<typeof shareAnswers>;
    readonly peer: Peer;
  },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request);
  if (refusal) {
    response.setHeader('connection', 'close');
    return sendProblem(response, refusal);
  }
  const [path = '/'] = (request.url ?? '/').split('?');
  const { proofsDir, peer, strangers } = parts;
  const file =
    proofsDir !== undefined && path.startsWith(PROOFS)
      ? fileBelow(proofsDir, path.slice(PROOFS.length))
      : undefined;
  if (file && request.method !== 'GET' && request.method !== 'HEAD') {
    return sendProblem(response, problems.method);
  }
  if (file && (await sendFile(request, response, file))) return;
  if (await parts.share(request, response, peer)) return;
  await passOn(parts.api, request, response, {
    ...{ listener: 'public', peer, strangers },
    bodyBytesMax: BODY_BYTES_MAX,
  });
}
const PROOFS = '/proofs/';

function refusalOf(request: IncomingMessage): Problem | undefined {
  if ((request.url ?? '').length > TARGET_CHARACTERS_MAX) return problems.tooLong;
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return (length ?? '0') !== '0' || encoding !== undefined ? problems.body : undefined;
}
