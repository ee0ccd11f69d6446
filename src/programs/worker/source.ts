import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { connectHttp, type HttpClient } from '../../http/client.ts';

/** go-livepeer common/util.go: a segment is not larger. */
const SOURCE_BYTES_MAX = 300_000_000;
/** A broken download is tried once more: a segment is small and the link was there a moment ago. */
const ATTEMPTS = 2;
/** Other hosts than the orchestrator's, object stores for instance. A worker meets one or two. */
const OTHER_HOSTS_MAX = 8;

export type SourceOutcome =
  | { readonly ok: true; readonly bytes: Buffer }
  /** Fit to be posted as the task's error: names neither host nor path. */
  | { readonly ok: false; readonly text: string };

/** Downloads sources. */
export interface Sources {
  /** `home` is the client of the orchestrator that gave the task; its own URLs go through it. */
  fetch(
    url: string,
    home: HttpClient,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<SourceOutcome>;
  close(): void;
}

/** A URL elsewhere is fetched without any credential and without a pin, as stock transcoders do. */
export function createSources(clock: Clock): Sources {
  const others = new Map<string, HttpClient>();

  function clientFor(origin: string, home: HttpClient): HttpClient {
    if (origin === home.origin) return home;
    const known = others.get(origin);
    if (known) return known;
    if (others.size >= OTHER_HOSTS_MAX) {
      const [oldest, client] = others.entries().next().value as [string, HttpClient];
      others.delete(oldest);
      client.close();
    }
    const client = connectHttp({ origin, clock });
    others.set(origin, client);
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
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return { ok: true, bytes: Buffer.concat(chunks) };
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
