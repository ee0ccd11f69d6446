import type { Clock, Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { postJson, type RpcAddress, type RpcFailure } from './rpc-post.ts';
import { RpcRefusal, safeText, secretsOf } from './rpc-refusal.ts';

/** Reads take milliseconds; a node that takes this long is as good as away. */
const READ_MS_MAX = 10_000;
/** On Arbitrum the answer to a transaction comes when it is in the sequence. */
const SEND_MS_MAX = 20_000;
/** A thousand event logs or a full block take less than 2 MiB; parsing this much takes 50 ms. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
/** Providers allow from 20 (the meanest) to 1000 calls in a batch. */
const BATCH_CALLS_MAX = 20;
/** A provider that fails rests this long, twice as long each time, up to the second figure. */
const REST_MS = 500;
const REST_MS_MAX = 30_000;
/** Their answers are large, or late: nobody else should wait for them. */
const ALONE: ReadonlySet<string> = new Set(['eth_sendRawTransaction', 'eth_getLogs']);

/** What came of one call. */
export type RpcAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason: RpcFailure }
  | { readonly ok: false; readonly reason: 'refused'; readonly refusal: RpcRefusal };

/** One node, known by its label only. */
export interface Endpoint {
  readonly label: string;
  /** Never throws. Calls of one turn of the event loop go out as one batch. */
  ask<T>(method: string, params: readonly unknown[]): Promise<RpcAnswer<T>>;
  /** Failed a moment ago, and is not worth asking while there are others. */
  resting(now: Instant): boolean;
}

interface Call {
  readonly method: string;
  readonly params: readonly unknown[];
  readonly resolve: (answer: RpcAnswer<unknown>) => void;
}

/**
 * @throws TributaryError `setting_invalid` when the text is no http or https URL; says its place in
 * the list only
 */
export function createEndpoint(parts: {
  readonly label: string;
  readonly url: string;
  readonly clock: Clock;
  /** Told of each exchange that failed. */
  readonly failed: (reason: RpcFailure) => void;
}): Endpoint {
  const { label, clock, failed } = parts;
  const { address, secrets } = addressOf(parts.url, label);
  let waiting: Call[] = [];
  let batches = true;
  let lastId = 0;
  let failures = 0;
  let restUntil = 0;

  function flush(): void {
    const calls = waiting;
    waiting = [];
    for (let from = 0; from < calls.length; from += BATCH_CALLS_MAX) {
      void exchange(calls.slice(from, from + BATCH_CALLS_MAX));
    }
  }

  async function exchange(calls: readonly Call[]): Promise<void> {
    const [first] = calls;
    if (!first) return;
    if (calls.length > 1 && !batches) {
      await Promise.all(calls.map((call) => exchange([call])));
      return;
    }
    const requests = calls.map(({ method, params }) => {
      lastId += 1;
      return { jsonrpc: '2.0', id: lastId, method, params };
    });
    const [single] = requests;
    const body = toJson(requests.length === 1 ? single : requests);
    const timeoutMs = first.method === 'eth_sendRawTransaction' ? SEND_MS_MAX : READ_MS_MAX;
    const answer = await postJson(address, { body, timeoutMs, bytesMax: ANSWER_BYTES_MAX }, clock);
    if (!answer.ok) return fail(calls, answer.reason);
    if (calls.length > 1 && !Array.isArray(answer.value)) {
      // Some providers take no batches, and say so with one error for all of it.
      batches = false;
      return exchange(calls);
    }
    const items = Array.isArray(answer.value) ? answer.value : [answer.value];
    const answers = requests.map(({ id }) => judge(items.find((item) => item?.id === id)));
    const bad = answers.map(failureOf).find((reason) => reason !== undefined);
    if (bad) note(bad);
    else failures = 0;
    calls.forEach((call, index) => {
      call.resolve(answers[index] ?? { ok: false, reason: 'garbage' });
    });
  }

  function judge(item: unknown): RpcAnswer<unknown> {
    if (typeof item !== 'object' || item === null) return { ok: false, reason: 'garbage' };
    const { error, result } = item as { error?: unknown; result?: unknown };
    if (typeof error !== 'object' || error === null) {
      return result === undefined ? { ok: false, reason: 'garbage' } : { ok: true, value: result };
    }
    const { code, message, data } = error as Readonly<Record<string, unknown>>;
    const refusal = new RpcRefusal(label, {
      code: typeof code === 'number' ? code : 0,
      text: safeText(message, secrets),
      data,
    });
    if (refusal.isRateLimit) return { ok: false, reason: 'rate_limited' };
    return { ok: false, reason: 'refused', refusal };
  }

  function fail(calls: readonly Call[], reason: RpcFailure): void {
    note(reason);
    for (const call of calls) call.resolve({ ok: false, reason });
  }

  function note(reason: RpcFailure): void {
    failed(reason);
    restUntil = clock.now() + Math.min(REST_MS * 2 ** Math.min(failures, 10), REST_MS_MAX);
    failures += 1;
  }

  return {
    label,
    resting: (now) => failures > 0 && now < restUntil,
    ask<T>(method: string, params: readonly unknown[]) {
      const { promise, resolve } = Promise.withResolvers<RpcAnswer<unknown>>();
      const call = { method, params, resolve };
      if (ALONE.has(method)) void exchange([call]);
      else {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push(call);
      }
      return promise as Promise<RpcAnswer<T>>;
    },
  };
}

function failureOf(answer: RpcAnswer<unknown>): RpcFailure | undefined {
  return answer.ok || answer.reason === 'refused' ? undefined : answer.reason;
}

/** A user and password in the URL go into a header, where `fetch` wants them. */
function addressOf(
  text: string,
  label: string,
): { address: RpcAddress; secrets: readonly string[] } {
  if (!URL.canParse(text)) throw invalid(label);
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(label);
  const secrets = secretsOf(url);
  const headers: Record<string, string> = {};
  if (url.username !== '' || url.password !== '') {
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.authorization = `Basic ${Buffer.from(login).toString('base64')}`;
    url.username = '';
    url.password = '';
  }
  url.hash = '';
  return { address: { url: url.href, headers }, secrets };
}

function invalid(label: string): TributaryError {
  return new TributaryError('setting_invalid', `The URL of RPC ${label} is not http or https.`);
}

function toJson(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    typeof part === 'bigint' ? `0x${part.toString(16)}` : part,
  );
}
