import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { isPublicAddress } from '../../http/address.ts';
import { connectHttp, type HttpClient } from '../../http/client.ts';
import type { ClientResponse } from '../../http/client-request.ts';

/** go-livepeer common/util.go: a segment is not larger. */
const SOURCE_BYTES_MAX = 300_000_000;
/** Room for a source of unknown length, about a second of 4 Mbit/s; grows by doubling. */
const FIRST_BYTES = 512 * 1024;
/** A broken download is tried once more: a segment is small and the link was there a moment ago. */
const ATTEMPTS = 2;
/** Other hosts than the orchestrator's, object stores for instance. A worker meets one or two. */
const OTHER_HOSTS_MAX = 8;

export type SourceOutcome =
  | { readonly ok: true; readonly bytes: Uint8Array }
  /** Fit to be posted as the task's error: names neither host nor path. */
  | { readonly ok: false; readonly text: string };

/** The orchestrator that gave a task. */
export interface Home {
  /** Its own URLs go through this client. */
  readonly client: HttpClient;
  /**
   * Whether it is in our own network: then its object store may be there too. An orchestrator on
   * the Internet has no business with addresses in here.
   */
  readonly isNear: boolean;
}

/** Downloads sources. */
export interface Sources {
  fetch(
    url: string,
    home: Home,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<SourceOutcome>;
  close(): void;
}

/** A URL elsewhere is fetched without any credential and without a pin, as stock transcoders do. */
export function createSources(clock: Clock): Sources {
  const others = new Map<string, HttpClient>();

  function clientFor(origin: string, home: Home): HttpClient {
    if (origin === home.client.origin) return home.client;
    const key = `${origin} ${home.isNear}`;
    const known = others.get(key);
    if (known) return known;
    if (others.size >= OTHER_HOSTS_MAX) {
      const [oldest, client] = others.entries().next().value as [string, HttpClient];
      others.delete(oldest);
      client.close();
    }
    const acceptAddress = (address: string) => home.isNear || isPublicAddress(address);
    const client = connectHttp({ origin, clock, acceptAddress });
    others.set(key, client);
    return client;
  }

  return {
    async fetch(url, home, options) {
      const parsed = URL.parse(url);
      if (parsed?.protocol !== 'https:') {
        return { ok: false, text: 'unsupported protocol scheme' };
      }
      const giveUpAt = clock.now() + options.timeoutMs;
      for (let attempt = 1; ; attempt++) {
        try {
          const client = clientFor(parsed.origin, home);
          return await download(client, parsed.pathname + parsed.search, {
            timeoutMs: Math.max(1, giveUpAt - clock.now()),
            signal: options.signal,
          });
        } catch (error) {
          const code = error instanceof TributaryError ? error.code : 'internal';
          const again = code === 'connection_failed' && attempt < ATTEMPTS;
          if (!again || options.signal.aborted || clock.now() >= giveUpAt) {
            return { ok: false, text: downloadTexts[code] ?? 'source download failed' };
          }
        }
      }
    },
    close() {
      for (const client of others.values()) client.close();
    },
  };
}

const downloadTexts: Readonly<Partial<Record<string, string>>> = {
  request_timed_out: 'source download: context deadline exceeded',
  certificate_pin_mismatch: 'source download: the server shows another certificate than the pool',
};

/** HTTP/1.1, as stock transcoders: for one large body it costs both sides less than HTTP/2. */
async function download(
  client: HttpClient,
  path: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SourceOutcome> {
  const response = await client.request({
    method: 'GET',
    path,
    protocol: 'http/1.1',
    bodyBytesMax: SOURCE_BYTES_MAX,
    ...options,
  });
  if (response.status !== 200) {
    response.cancel();
    return { ok: false, text: statusLine(response.status) };
  }
  return { ok: true, bytes: await collect(response) };
}

/** Into shared memory, because a transcode runs in another thread: no second copy is made. */
async function collect({ headers, body }: ClientResponse): Promise<Uint8Array> {
  const promised = Number(headers['content-length'] ?? 0);
  let held = sharedBytes(promised > 0 && promised <= SOURCE_BYTES_MAX ? promised : FIRST_BYTES);
  let length = 0;
  for await (const chunk of body) {
    if (length + chunk.length > held.length) {
      const larger = sharedBytes(2 * (length + chunk.length));
      larger.set(held.subarray(0, length));
      held = larger;
    }
    held.set(chunk, length);
    length += chunk.length;
  }
  return held.subarray(0, length);
}

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** `404 Not Found`, as go-livepeer core/os.go:downloadDataHTTP reports it. */
function statusLine(status: number): string {
  const reason = STATUS_TEXTS[status];
  return reason ? `${status} ${reason}` : `${status}`;
}
const STATUS_TEXTS: Readonly<Partial<Record<number, string>>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  410: 'Gone',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};
