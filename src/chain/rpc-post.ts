import type { Clock } from '../base/clock.ts';

/** Why there is no answer. A closed list: nothing that a node wrote is in it. */
export type RpcFailure =
  | 'timed_out'
  | 'unreachable'
  | 'http_status'
  | 'rate_limited'
  | 'too_large'
  | 'garbage'
  /** Not asked: it failed a moment ago. */
  | 'resting';

/** Where to post to; the headers may hold a password. */
export interface RpcAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RpcPost {
  readonly body: string;
  readonly timeoutMs: number;
  /** Of the answer, after decompression. */
  readonly bytesMax: number;
}

/** Posts JSON and reads JSON, within limits of time and size that hold for the whole exchange. */
export async function postJson(
  to: RpcAddress,
  { body, timeoutMs, bytesMax }: RpcPost,
  clock: Clock,
): Promise<
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: RpcFailure }
> {
  const abort = new AbortController();
  let timedOut = false;
  const timer = clock.after(timeoutMs, () => {
    timedOut = true;
    abort.abort();
  });
  try {
    const response = await fetch(to.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...to.headers },
      body,
      // A redirect could lead anywhere, with the password.
      redirect: 'error',
      signal: abort.signal,
    });
    const text = await readText(response, bytesMax);
    if (text === undefined) {
      abort.abort();
      return { ok: false, reason: 'too_large' };
    }
    return judge(response.status, text);
  } catch {
    return { ok: false, reason: timedOut ? 'timed_out' : 'unreachable' };
  } finally {
    timer.cancel();
  }
}

/** Nodes send errors of JSON-RPC with other statuses than 200, too. */
function judge(
  status: number,
  text: string,
): { ok: true; value: unknown } | { ok: false; reason: RpcFailure } {
  if (status === 429) return { ok: false, reason: 'rate_limited' };
  const value = parse(text);
  if (typeof value === 'object' && value !== null) {
    if (status === 200 || Array.isArray(value) || 'error' in value) return { ok: true, value };
  }
  return { ok: false, reason: status === 200 ? 'garbage' : 'http_status' };
}

async function readText(response: Response, bytesMax: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > bytesMax) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
