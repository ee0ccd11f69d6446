import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import type { Blob } from '../base/blob.ts';
import type { Log } from '../base/log.ts';
import { type HostRules, type Resolve, systemResolve, type Target, vet } from './vetted-hosts.ts';

/** go-livepeer follows ten; a store needs one. Each is vetted like the first. */
const REDIRECTS_MAX = 3;
/** Of a URL that a gateway sends. Signed store URLs take 1 to 2 KB. */
const URL_CHARACTERS_MAX = 8_192;
/** An S3 answer to a form upload is empty, or an XML error of a few hundred bytes. */
const ANSWER_BYTES_MAX = 16 * 1024;

/** The one failure there is: a caller that could tell them apart could scan our network. */
export interface FetchFailure {
  readonly ok: false;
  readonly reason: 'unreachable';
}

/** The one file of a form upload. */
export interface FormFile {
  readonly name: string;
  readonly contentType: string;
  readonly body: Blob;
}

export interface VettedFetch {
  /**
   * GETs a URL into a blob, which is left growing for the caller to complete or fail. Only status
   * 200 counts. Never throws for what the other side does.
   */
  get(
    url: string,
    options: { into: Blob; bytesMax: number; timeoutMs: number; signal?: AbortSignal },
  ): Promise<{ readonly ok: true; readonly bytes: number } | FetchFailure>;
  /**
   * POSTs a multipart form with one complete file at its end, as S3 takes uploads under a policy.
   * `ok` is any answer with a 2xx status; redirects are not followed. wire: go-tools drivers/s3.go
   */
  postForm(
    url: string,
    options: {
      fields: readonly (readonly [name: string, value: string])[];
      file: FormFile;
      timeoutMs: number;
      signal?: AbortSignal;
    },
  ): Promise<
    { readonly ok: true; readonly status: number; readonly answer: Buffer } | FetchFailure
  >;
}

export interface VettedFetchOptions extends HostRules {
  readonly log: Log;
  readonly resolve?: Resolve;
}

/**
 * Outgoing HTTP towards URLs that a gateway chose: only to hosts that the operator allows, only to
 * public addresses, resolved once and connected to as vetted, so that a name cannot point
 * elsewhere a moment later.
 */
export function createVettedFetch(options: VettedFetchOptions): VettedFetch {
  const { log } = options;
  const resolve = options.resolve ?? systemResolve;

  /** One request to a vetted target; undefined when it is not allowed or not a URL. */
  const send = async (text: string, base: URL | undefined, asked: Asked) => {
    if (text.length > URL_CHARACTERS_MAX || !URL.canParse(text, base?.href)) return undefined;
    const url = new URL(text, base?.href);
    if (base?.protocol === 'https:' && url.protocol !== 'https:') return undefined;
    // A name server that keeps silent must not hold the caller longer than asked.
    const target = await Promise.race([vet(url, options, resolve), abortOf(asked.signal)]);
    if (!target) {
      log.warn('fetch_refused', { reason: 'host_not_allowed' });
      return undefined;
    }
    return { url, response: await exchange(url, target, asked) };
  };

  const failure: FetchFailure = { ok: false, reason: 'unreachable' };

  return {
    async get(text, { into, bytesMax, timeoutMs, signal }) {
      const limit = limitOf(timeoutMs, signal);
      try {
        let at = { text, base: undefined as URL | undefined };
        for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
          const sent = await send(at.text, at.base, { method: 'GET', signal: limit });
          if (!sent) return failure;
          const { response, url } = sent;
          const status = response.statusCode ?? 0;
          const location = response.headers.location;
          if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
            response.destroy();
            at = { text: location, base: url };
            continue;
          }
          if (status !== 200) {
            response.destroy();
            return failure;
          }
          const bytes = await collect(response, bytesMax, (piece) => into.write(piece));
          return { ok: true, bytes };
        }
        return failure;
      } catch {
        return failure;
      }
    },

    async postForm(text, { fields, file, timeoutMs, signal }) {
      const boundary = randomBytes(24).toString('hex');
      const head = Buffer.from(formHead(boundary, fields, file));
      const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
      try {
        const sent = await send(text, undefined, {
          method: 'POST',
          signal: limitOf(timeoutMs, signal),
          headers: {
            'content-type': `multipart/form-data; boundary=${boundary}`,
            'content-length': String(head.length + file.body.length + tail.length),
          },
          body: formBody(head, file.body, tail),
        });
        if (!sent) return failure;
        const pieces: Buffer[] = [];
        await collect(sent.response, ANSWER_BYTES_MAX, (piece) => pieces.push(piece));
        const status = sent.response.statusCode ?? 0;
        if (status < 200 || status > 299) return failure;
        return { ok: true, status, answer: Buffer.concat(pieces) };
      } catch {
        return failure;
      }
    },
  };
}

/** One request to a vetted place. */
export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Uint8Array>;
}

function limitOf(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([timeout, signal]) : timeout;
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Connects to the vetted addresses, whatever the name resolves to by now. Rejects when that fails. */
export function exchange(url: URL, target: Target, asked: Asked): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_host, options, callback) => {
    const [first] = target.addresses;
    if (options.all) callback(null, [...target.addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: asked.method,
      // A connection is never reused for another vetting.
      agent: false,
      lookup: pinned,
      signal: asked.signal,
      headers: { 'user-agent': 'tributary', 'accept-encoding': 'identity', ...asked.headers },
      rejectUnauthorized: !target.private,
    });
    request.on('error', reject);
    request.on('response', resolve);
    if (!asked.body) request.end();
    else Readable.from(asked.body).on('error', reject).pipe(request);
  });
}

/** Reads to the end. Throws when it is longer than allowed, cut short or late. */
async function collect(
  response: IncomingMessage,
  bytesMax: number,
  each: (piece: Buffer) => void,
): Promise<number> {
  if (Number(response.headers['content-length'] ?? 0) > bytesMax) {
    response.destroy();
    throw new RangeError('too large');
  }
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > bytesMax) throw new RangeError('too large');
    each(piece);
  }
  return bytes;
}

function formHead(
  boundary: string,
  fields: readonly (readonly [string, string])[],
  file: FormFile,
): string {
  const parts = fields.map(
    ([name, value]) =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`,
  );
  return (
    `${parts.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; ` +
    `filename="${quoted(file.name)}"\r\nContent-Type: ${file.contentType}\r\n\r\n`
  );
}

/** As browsers write names into a form header, so that none ends the line or the quotes. */
function quoted(text: string): string {
  return text.replace(/["\r\n]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function* formBody(head: Buffer, body: Blob, tail: Buffer): AsyncGenerator<Uint8Array> {
  yield head;
  // Copied: a socket may hold a piece after the next one was asked for.
  for await (const piece of body.read()) yield Buffer.from(piece);
  yield tail;
}
