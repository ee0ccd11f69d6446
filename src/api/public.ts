import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Api } from './app.ts';
import { listening, passOn, running, sendProblem } from './node-server.ts';
import { type Problem, problems } from './problem.ts';
import { createRequestRate } from './request-rate.ts';
import { shareAnswers } from './shared-answers.ts';
import { fileBelow, sendFile } from './static-files.ts';

/** The longest path that is published has about 60 characters. */
const TARGET_CHARACTERS_MAX = 1_024;
const HEADER_BYTES_MAX = 8 * 1024;
/** A signed message, or a dispute with its reasons. */
const BODY_BYTES_MAX = 64 * 1024;
/** Streams of live values, and who comes besides; each may hold an open file. */
const CONNECTIONS_MAX = 4_096;
const ANSWERS_MAX = 128;
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
  readonly api: Pick<Api, 'answer' | 'changes'>;
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
  const rate = createRequestRate(clock);
  const share = shareAnswers(parts.api, clock);
  let answering = 0;
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => {
    if (answering >= ANSWERS_MAX) return sendProblem(response, problems.busy);
    if (!rate.take(request.socket.remoteAddress ?? '')) {
      return sendProblem(response, problems.tooMany);
    }
    answering++;
    answer({ ...parts, share }, request, response)
      .catch((error: unknown) => {
        // A request that broke off is nobody's fault.
        if (request.destroyed && !request.complete) return void response.destroy();
        parts.log.error('public_request_failed', { error: messageOf(error) });
        if (response.headersSent) response.destroy();
        else sendProblem(response, problems.ours);
      })
      .finally(() => answering--);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.headersTimeout = HEADERS_MS;
  server.requestTimeout = HEADERS_MS;
  server.keepAliveTimeout = IDLE_MS;
  server.setTimeout(SILENT_MS, (socket) => socket.destroy());
  server.on('clientError', (_, socket) => socket.destroy());
  await listening(server, address, {
    used: `another program listens at port ${address.port}, the public address of --http-addr`,
    invalid: 'the public address of --http-addr cannot be used',
  });
  return running(server);
}

async function answer(
  parts: PublicParts & { readonly share: ReturnType<typeof shareAnswers> },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request);
  if (refusal) {
    response.setHeader('connection', 'close');
    return sendProblem(response, refusal);
  }
  const [path = '/'] = (request.url ?? '/').split('?');
  const { proofsDir } = parts;
  const file =
    proofsDir !== undefined && path.startsWith(PROOFS)
      ? fileBelow(proofsDir, path.slice(PROOFS.length))
      : undefined;
  if (file && request.method !== 'GET' && request.method !== 'HEAD') {
    return sendProblem(response, problems.method);
  }
  if (file && (await sendFile(request, response, file))) return;
  if (await parts.share(request, response)) return;
  await passOn(parts.api, request, response, { listener: 'public', bodyBytesMax: BODY_BYTES_MAX });
}
const PROOFS = '/proofs/';

function refusalOf(request: IncomingMessage): Problem | undefined {
  if ((request.url ?? '').length > TARGET_CHARACTERS_MAX) return problems.tooLong;
  if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return (length ?? '0') !== '0' || encoding !== undefined ? problems.body : undefined;
}
