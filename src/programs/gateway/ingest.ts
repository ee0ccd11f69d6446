import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BLOB_CHUNK_BYTES, type Blob, type BlobStore } from '../../base/blob.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { showHostPort } from '../../base/setting-types.ts';
import type { JobShape } from '../../protocol/capabilities.ts';
import { multipartBody } from '../../protocol/multipart.ts';
import { extensionOf, mediaTypeOf, type VideoProfile } from '../../protocol/video-profile.ts';
import type { Rendition } from './attempt.ts';
import type { Gateway, SegmentFailure, SegmentOutcome, Stream } from './gateway.ts';
import { type IngestRequest, readIngestRequest } from './ingest-request.ts';

/** A stream without a push for so long has ended. Wire: go-livepeer server/mediaserver.go. */
const STREAM_IDLE_MS = 60_000;
/** Largest segment of the protocol. */
const BODY_BYTES_MAX = 300_000_000;
/** A segment is 2 s of video: an uplink that cannot send it in 30 s cannot stream. */
const REQUEST_MS_MAX = 30_000;

/** What the ingest endpoint stands on. */
export interface IngestParts {
  readonly gateway: Gateway;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Codec and pixel format of a segment; undefined when it holds no video. */
  inputOf(segment: Blob): Promise<JobShape['input'] | undefined>;
  /** Told of each segment, with the milliseconds from its last byte to its last rendition. */
  came?(outcome: SegmentOutcome, addedMs: number): void;
}

/** What the ingest endpoint knows from its settings. */
export interface IngestOptions {
  readonly host: string;
  readonly port: number;
  /** The ladder of streams that bring none. */
  readonly profiles: readonly VideoProfile[];
  /** Streams at once. */
  readonly sessionsMax: number;
}

/** A running ingest endpoint. */
export interface Ingest {
  readonly port: number;
  /** Takes no more segments, lets those under way finish and ends every stream. */
  close(): Promise<void>;
}

interface Live {
  readonly stream: Stream;
  readonly profiles: readonly VideoProfile[];
  idle: Timer;
}

const failureStatus = {
  no_sessions: 503,
  bad_input: 422,
  no_funds: 503,
  attempts_used_up: 422,
} as const satisfies Record<SegmentFailure, number>;

/**
 * Takes segments over plain HTTP as a stock gateway does: `POST /live/NAME/SEQ.ts`, answered once
 * the renditions are there. Throws `address_in_use` and `address_invalid`.
 */
export async function listenIngest(parts: IngestParts, options: IngestOptions): Promise<Ingest> {
  const live = new Map<string, Live>();
  const server = createServer((request, response) => {
    handle(parts, options, live, request, response).catch((error: unknown) => {
      parts.log.warn('push_failed', { error: messageOf(error) });
      if (!response.headersSent) reply(response, 500, 'Internal Server Error');
      else response.destroy();
    });
  });
  server.requestTimeout = REQUEST_MS_MAX;
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'address_invalid';
      reject(
        new TributaryError(
          code,
          `the ingest address of --http-addr, ${showHostPort(options)}, cannot be used`,
          { cause },
        ),
      );
    });
    server.listen(options.port, options.host === '' ? undefined : options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeIdleConnections();
      });
      const open = [...live.values()];
      live.clear();
      for (const { idle } of open) idle.cancel();
      await Promise.all(open.map(({ stream }) => stream.end()));
    },
  };
}

async function handle(
  parts: IngestParts,
  options: IngestOptions,
  live: Map<string, Live>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const read = readIngestRequest({
    method: request.method ?? '',
    path: (request.url ?? '').split('?')[0] as string,
    headers: request.headers,
  });
  if (!read.ok) return reply(response, read.status, read.text);
  const body = await receive(request, parts.blobs);
  if (!body) return reply(response, 500, 'the segment is too large');
  const completeAt = parts.clock.now();
  using source = held(body);
  const push = read.request;
  const opened = await streamFor(parts, options, live, push, source.blob);
  if (!opened) return reply(response, 500, 'too many streams');
  const outcome = await opened.stream.transcode({ ...push, blob: source.blob });
  parts.came?.(outcome, parts.clock.now() - completeAt);
  if (!outcome.ok) {
    const text = outcome.reason === 'no_sessions' ? 'No sessions available' : outcome.text;
    return reply(response, failureStatus[outcome.reason], text);
  }
  try {
    if (push.multipart) await replyRenditions(response, push, outcome.renditions);
    else reply(response, 200, '');
  } finally {
    outcome.release();
  }
}

/** The whole body; undefined when it is over the limit. Throws when the client goes away. */
async function receive(request: IncomingMessage, blobs: BlobStore): Promise<Blob | undefined> {
  const promised = Number(request.headers['content-length'] ?? 0);
  if (promised > BODY_BYTES_MAX || !blobs.hasRoom(promised)) return undefined;
  const blob = blobs.create(promised);
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (blob.length + chunk.length > BODY_BYTES_MAX) {
        blob.release();
        return undefined;
      }
      blob.write(chunk);
    }
    blob.complete();
    return blob;
  } catch (error) {
    blob.release();
    throw error;
  }
}

function held(blob: Blob): { readonly blob: Blob } & Disposable {
  return { blob, [Symbol.dispose]: () => blob.release() };
}

/** The stream of a name, opened by its first segment, ended after a minute without one. */
async function streamFor(
  parts: IngestParts,
  options: IngestOptions,
  live: Map<string, Live>,
  push: IngestRequest,
  first: Blob,
): Promise<Live | undefined> {
  const key = JSON.stringify([push.manifestId, push.format]);
  const idle = () =>
    parts.clock.after(STREAM_IDLE_MS, () => {
      const ended = live.get(key);
      live.delete(key);
      ended?.stream.end().catch((error: unknown) => {
        parts.log.warn('stream_end_failed', { error: messageOf(error) });
      });
    });
  const input = live.has(key) ? undefined : await parts.inputOf(first);
  const known = live.get(key);
  if (known) {
    known.idle.cancel();
    known.idle = idle();
    return known;
  }
  if (live.size >= options.sessionsMax) return undefined;
  // As a stock gateway: an unset container is that of the input.
  const profiles = (push.profiles ?? options.profiles).map((profile) => ({
    ...profile,
    format: push.format,
  }));
  const { manifestId } = push;
  const stream = parts.gateway.openStream({
    manifestId,
    profiles,
    input: input ?? { codec: 'h264' },
  });
  const opened: Live = { stream, profiles, idle: idle() };
  live.set(key, opened);
  return opened;
}

function reply(response: ServerResponse, status: number, text: string): void {
  const body = text === '' ? '' : `${text}\n`;
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    // What is left of a refused body is not read.
    ...(status >= 400 ? { connection: 'close' } : {}),
  });
  response.end(body);
}

/** One part per rendition, with the stock gateway's headers. */
async function replyRenditions(
  response: ServerResponse,
  push: IngestRequest,
  renditions: readonly Rendition[],
): Promise<void> {
  const body = multipartBody(
    renditions.map(({ profile, blob }) => {
      const name = headerText(profile.name);
      const file = `${name}_${push.seq}${extensionOf(profile.format)}`;
      return {
        headers: {
          'Content-Type': `${mediaTypeOf(profile.format)}; name="${file}"`,
          'Content-Disposition': `attachment; filename="${file}"`,
          'Rendition-Name': name,
        },
        body: piecesOf(blob),
      };
    }),
  );
  response.writeHead(200, {
    'content-type': `multipart/mixed; boundary=${body.boundary}`,
    'content-length': body.length,
  });
  for (const chunk of body.chunks) {
    if (!response.write(chunk)) await drained(response);
  }
  // The memory is given back after this: wait until the socket has taken it all.
  await new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.end(resolve);
  });
}

/** UTF-8 as bytes of a header, without what would end the quoted text. */
function headerText(name: string): string {
  return Buffer.from(name.replace(/["\\]/g, '_'), 'utf8').toString('latin1');
}

function piecesOf(blob: Blob): readonly Uint8Array[] {
  return blob.chunks().map((chunk, index) => {
    const size = Math.min(BLOB_CHUNK_BYTES, blob.length - index * BLOB_CHUNK_BYTES);
    return Buffer.from(chunk, 0, size);
  });
}

function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
