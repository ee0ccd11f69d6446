import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Blob, BlobStore } from '../../base/blob.ts';
import type { Clock } from '../../base/clock.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { connectHttp, type HttpClient } from '../../http/client.ts';
import type { ClientResponse } from '../../http/client-request.ts';
import { grpcCall } from '../../http/grpc-client.ts';
import {
  type AuthToken,
  EndTranscodingSessionRequestSchema,
  EndTranscodingSessionResponseSchema,
  type OrchestratorInfo,
  OrchestratorInfoSchema,
  OrchestratorRequestSchema,
} from '../../protocol/gen/lp_rpc_pb.ts';
import { RESULT_BYTES_MAX } from '../../protocol/transcode-result.ts';

/** Go's limit for what a server says on an error is none; one line is all that is read. */
const ERROR_TEXT_BYTES_MAX = 4 * 1024;
/** go-livepeer core/os.go:downloadDataHTTP. */
const RENDITION_BYTES_MAX = 300_000_000;

/** How one call to an orchestrator went. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly text: string };

/** How a segment went. `taken`: the orchestrator said a status, so it has what was paid. */
export type SubmitAnswer =
  | { readonly ok: true; readonly value: Uint8Array }
  | { readonly ok: false; readonly text: string; readonly taken: boolean };

/** One segment on its way to an orchestrator. */
export interface Submission {
  /** `OrchestratorInfo.transcoder`, to which `/segment` is appended. */
  readonly service: string;
  /** Value of the `Livepeer-Segment` header. */
  readonly credentials: string;
  /** Value of the `Livepeer-Payment` header; empty off-chain. */
  readonly payment: string;
  readonly source: Blob;
  /** Until the status line: connecting, uploading and the orchestrator's checks. */
  readonly headersTimeoutMs: number;
  /** Until the last byte of the result. */
  readonly totalTimeoutMs: number;
}

/** What a gateway asks of orchestrators. Failures are answers: a gateway goes on to the next one. */
export interface Transport {
  getOrchestrator(
    service: string,
    request: MessageInitShape<typeof OrchestratorRequestSchema>,
    timeoutMs: number,
  ): Promise<Answer<OrchestratorInfo>>;
  endSession(service: string, token: AuthToken, timeoutMs: number): Promise<Answer<undefined>>;
  /** The bytes of a `TranscodeResult`. */
  submit(submission: Submission): Promise<SubmitAnswer>;
  /** The caller holds the blob. */
  download(url: string, timeoutMs: number): Promise<Answer<Blob>>;
  close(): void;
}

/** Talks TLS without verifying certificates, as stock gateways do: a result is judged by its bytes. */
export function createTransport(parts: { clock: Clock; blobs: BlobStore }): Transport {
  const clients = new Map<string, HttpClient>();
  const clientFor = (address: string): HttpClient => {
    const { origin } = new URL(address);
    const known = clients.get(origin);
    if (known) return known;
    const client = connectHttp({ origin, clock: parts.clock });
    clients.set(origin, client);
    return client;
  };

  return {
    getOrchestrator: (service, request, timeoutMs) =>
      answered(async () => {
        const reply = await grpcCall(clientFor(service), getOrchestrator, request, { timeoutMs });
        return reply.ok ? { ok: true, value: reply.message } : { ok: false, text: reply.text };
      }),
    endSession: (service, authToken, timeoutMs) =>
      answered(async () => {
        const reply = await grpcCall(clientFor(service), endSession, { authToken }, { timeoutMs });
        return reply.ok ? { ok: true, value: undefined } : { ok: false, text: reply.text };
      }),
    submit: (submission) => submit(clientFor(submission.service), submission, parts.clock),
    download: (url, timeoutMs) =>
      answered(() => download(clientFor(url), url, timeoutMs, parts.blobs)),
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

const getOrchestrator = {
  path: '/net.Orchestrator/GetOrchestrator',
  input: OrchestratorRequestSchema,
  output: OrchestratorInfoSchema,
} as const;

const endSession = {
  path: '/net.Orchestrator/EndTranscodingSession',
  input: EndTranscodingSessionRequestSchema,
  output: EndTranscodingSessionResponseSchema,
} as const;

/** The error texts have the stock gateway's prefixes. Wire: go-livepeer server/segment_rpc.go. */
async function submit(
  client: HttpClient,
  submission: Submission,
  clock: Clock,
): Promise<SubmitAnswer> {
  const { source, headersTimeoutMs, totalTimeoutMs } = submission;
  const late = new AbortController();
  const headersTimer = clock.after(headersTimeoutMs, () =>
    late.abort(new TributaryError('request_timed_out', `no status in ${headersTimeoutMs} ms`)),
  );
  let response: ClientResponse;
  try {
    response = await client.request({
      method: 'POST',
      // Plain concatenation, as in the stock gateway: the service may have a path of its own.
      path: `${pathOf(submission.service)}/segment`,
      headers: {
        'livepeer-segment': submission.credentials,
        'livepeer-payment': submission.payment,
        'content-type': 'video/MP2T',
        'content-length': String(source.length),
      },
      body: source.read(),
      timeoutMs: totalTimeoutMs,
      signal: late.signal,
      bodyBytesMax: RESULT_BYTES_MAX,
    });
  } catch (error) {
    return { ok: false, text: `header timeout: ${messageOf(error)}`, taken: false };
  } finally {
    headersTimer.cancel();
  }
  try {
    if (response.status !== 200) {
      const text = (await readUpTo(response, ERROR_TEXT_BYTES_MAX)).toString('utf8').trim();
      return {
        ok: false,
        text: text === '' ? `HTTP status ${response.status}` : text,
        taken: true,
      };
    }
    return { ok: true, value: await readUpTo(response, RESULT_BYTES_MAX) };
  } catch (error) {
    return { ok: false, text: `body timeout: ${messageOf(error)}`, taken: true };
  }
}

/** HTTP/1.1 and status 200 exactly, as the stock gateway. Redirects are not followed. */
async function download(
  client: HttpClient,
  url: string,
  timeoutMs: number,
  blobs: BlobStore,
): Promise<Answer<Blob>> {
  const { pathname, search } = new URL(url);
  const response = await client.request({
    method: 'GET',
    path: pathname + search,
    timeoutMs,
    protocol: 'http/1.1',
    bodyBytesMax: RENDITION_BYTES_MAX,
  });
  if (response.status !== 200) {
    response.cancel();
    return { ok: false, text: `download: HTTP status ${response.status}` };
  }
  const blob = blobs.create();
  try {
    for await (const chunk of response.body) blob.write(chunk);
    blob.complete();
    return { ok: true, value: blob };
  } catch (error) {
    blob.release();
    throw error;
  }
}

async function readUpTo(response: ClientResponse, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= bytesMax) break;
  }
  return Buffer.concat(chunks);
}

function pathOf(service: string): string {
  const { pathname } = new URL(service);
  return pathname === '/' ? '' : pathname;
}

async function answered<T>(call: () => Promise<Answer<T>>): Promise<Answer<T>> {
  try {
    return await call();
  } catch (error) {
    return { ok: false, text: messageOf(error) };
  }
}
