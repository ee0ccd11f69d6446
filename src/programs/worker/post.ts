import type { Clock, Instant } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { type HttpClient, readText } from '../../http/client.ts';
import type { ClientResponse } from '../../http/client-request.ts';
import { RESULT_PATH, type ResultPost } from '../../protocol/result-post.ts';

/** The answer is a word; what a broken server sends beyond that is not read. */
const ANSWER_BYTES_MAX = 4 * 1024;
/** The first wait before a post is tried again; doubles. */
const RETRY_FIRST_MS = 200;
const RETRY_LONGEST_MS = 2_000;

/** What became of a post. */
export type PostOutcome =
  | { readonly posted: true; readonly headers: ClientResponse['headers'] }
  /** `refused`: the orchestrator answered and does not want it. */
  | {
      readonly posted: false;
      readonly reason: 'refused' | 'unreachable' | 'too_late' | 'stopped';
      readonly status?: number;
      readonly text: string;
    };

/**
 * Posts a result and keeps it until it is posted: a lost connection or a 5xx is tried again until
 * `giveUpAt`. Stock transcoders try once, and a lost post is a lost segment.
 */
export async function postResult(
  post: ResultPost,
  parts: {
    readonly client: HttpClient;
    readonly clock: Clock;
    readonly giveUpAt: Instant;
    readonly signal: AbortSignal;
  },
): Promise<PostOutcome> {
  const { client, clock, giveUpAt, signal } = parts;
  let wait = RETRY_FIRST_MS;
  let last: PostOutcome = { posted: false, reason: 'too_late', text: 'no time left to post' };
  for (let attempt = 1; clock.now() < giveUpAt; attempt++) {
    const outcome = await postOnce(post, client, { timeoutMs: giveUpAt - clock.now(), signal });
    if (outcome.posted) return outcome;
    // 409 at a second attempt: the first one had arrived and only its answer was lost.
    if (outcome.status === 409 && attempt > 1) return { posted: true, headers: {} };
    if (outcome.reason !== 'unreachable') return outcome;
    last = outcome;
    if (!(await pause(wait, clock, signal))) break;
    wait = Math.min(RETRY_LONGEST_MS, 2 * wait);
  }
  return last;
}

async function postOnce(
  post: ResultPost,
  client: HttpClient,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<PostOutcome> {
  try {
    const response = await client.request({
      method: 'POST',
      path: RESULT_PATH,
      headers: lowerCased(post.headers),
      body: post.body instanceof Uint8Array ? post.body : inChunks(post.body.chunks),
      bodyBytesMax: ANSWER_BYTES_MAX,
      ...options,
    });
    const text = (await readText(response, ANSWER_BYTES_MAX)).trim();
    const { status, headers } = response;
    if (status >= 200 && status < 300) return { posted: true, headers };
    const reason = status >= 500 ? 'unreachable' : 'refused';
    return { posted: false, reason, status, text: text || `HTTP status ${status}` };
  } catch (error) {
    if (options.signal.aborted) return { posted: false, reason: 'stopped', text: 'stopped' };
    if (!(error instanceof TributaryError)) throw error;
    const reason = error.code === 'certificate_pin_mismatch' ? 'refused' : 'unreachable';
    return { posted: false, reason, text: error.message };
  }
}

/** HTTP/2 knows only lower case; a stock orchestrator reads any. */
function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

/** A rendition goes out in pieces, so that the peer's window and not our memory paces it. */
const PIECE_BYTES = 256 * 1024;

async function* inChunks(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      yield chunk.subarray(at, at + PIECE_BYTES);
    }
  }
}

/** False when the signal fired meanwhile. */
function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const done = () => {
      timer.cancel();
      signal.removeEventListener('abort', done);
      resolve(!signal.aborted);
    };
    const timer = clock.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
