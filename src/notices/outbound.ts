import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { type Resolve, systemResolve, type Target, vet } from '../http/vetted-hosts.ts';

/** From the name server's answer to the last byte: whoever is slower is asked again later. */
const WHOLE_MS = 10_000;
/** Read of an answer: the services say why in a few hundred bytes. */
const ANSWER_BYTES_MAX = 16 * 1024;
/** Of an address that somebody gave. */
export const URL_CHARACTERS_MAX = 2_048;

/** What came back; a failure says so little that nobody can look around in our network with it. */
export type Posted =
  | {
      readonly ok: true;
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly body: string;
    }
  | { readonly ok: false; readonly reason: 'not_allowed' | 'unreachable' };

/** Posts to addresses that people gave. */
export interface Outbound {
  /** One POST. Never throws; a redirect is an answer like any other, and is not followed. */
  post(
    url: string,
    message: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  ): Promise<Posted>;
  /** Whether this address may be posted to, as far as its name says now. */
  mayPost(url: string): Promise<boolean>;
}

/**
 * Outgoing HTTP of notices: to public addresses only, or to exactly those `host:port` that the operator
 * names. A name is resolved once and connected to as it was vetted.
 */
export function createOutbound(options: {
  readonly allowPrivate: readonly string[];
  readonly resolve?: Resolve;
  readonly wholeMs?: number;
}): Outbound {
  const { allowPrivate, resolve = systemResolve, wholeMs = WHOLE_MS } = options;

  /** Any public host, at any port; a private one as the operator names it. */
  async function targetOf(text: string): Promise<{ url: URL; target: Target } | undefined> {
    if (text.length > URL_CHARACTERS_MAX || !URL.canParse(text)) return undefined;
    const url = new URL(text);
    const host = url.hostname.toLowerCase().replace(/\.$/, '');
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    const rules = { allowedHosts: [`${host}:${port}`], allowPrivate };
    const target = await vet(url, rules, resolve);
    // Notices carry what is nobody else's business: over the Internet they go encrypted.
    if (!target || (url.protocol !== 'https:' && !target.private)) return undefined;
    return { url, target };
  }

  async function within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const signal = AbortSignal.timeout(wholeMs);
    try {
      return await Promise.race([work(signal), abortOf(signal)]);
    } catch {
      return undefined;
    }
  }

  return {
    async mayPost(url) {
      return (await within(() => targetOf(url))) !== undefined;
    },
    async post(text, { headers, body }) {
      const posted = await within(async (signal): Promise<Posted> => {
        const found = await targetOf(text);
        if (!found) return { ok: false, reason: 'not_allowed' };
        const response = await exchange(found.url, found.target, { headers, body, signal });
        const answer = await headOf(response);
        const { 'retry-after': retryAfter } = response.headers;
        return { ok: true, status: response.statusCode ?? 0, retryAfter, body: answer };
      });
      return posted ?? { ok: false, reason: 'unreachable' };
    },
  };
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function exchange(
  url: URL,
  target: Target,
  asked: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly signal: AbortSignal;
  },
): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_host, options, callback) => {
    const [first] = target.addresses;
    if (options.all) callback(null, [...target.addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
  const { headers, body, signal } = asked;
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      // A connection is never reused for another vetting.
      agent: false,
      lookup: pinned,
      signal,
      headers: {
        'user-agent': 'tributary',
        'accept-encoding': 'identity',
        'content-length': Buffer.byteLength(body),
        ...headers,
      },
      rejectUnauthorized: !target.private,
    });
    request.on('error', reject);
    request.on('response', resolve);
    request.end(body);
  });
}

/** The beginning of an answer: the rest is not waited for. */
async function headOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= ANSWER_BYTES_MAX) break;
  }
  return Buffer.concat(pieces).toString('utf8', 0, ANSWER_BYTES_MAX);
}
