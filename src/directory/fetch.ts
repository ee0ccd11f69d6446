import { connect } from 'node:tls';
import { exchange } from '../http/vetted-fetch.ts';
import { type Resolve, systemResolve, vet } from '../http/vetted-hosts.ts';

/** Each is vetted like the first. */
const REDIRECTS_MAX = 3;

/** Why there is no text. Each is said as what it is: whoever runs a directory chose its seeds. */
export type FetchFailure =
  | { readonly reason: 'not_public' }
  | { readonly reason: 'unreachable' }
  /** From https to http: what comes then could be anybody's. */
  | { readonly reason: 'downgraded' }
  | { readonly reason: 'certificate'; readonly fault: CertificateFault }
  | { readonly reason: 'slow'; readonly ms: number }
  | { readonly reason: 'too_large'; readonly bytesMax: number }
  | { readonly reason: 'status'; readonly status: number }
  | { readonly reason: 'not_text' };

/** Why a certificate is none for the address that was asked. */
export type CertificateFault = 'expired' | 'not_yet' | 'other_host' | 'untrusted' | 'no_tls';

export type Fetched =
  | { readonly ok: true; readonly text: string; readonly bytes: number }
  | { readonly ok: false; readonly failure: FetchFailure };

/** Outgoing connections of a directory. */
export interface Outside {
  /** GETs text. Never rejects. */
  text(url: URL, limits: { readonly bytesMax: number; readonly ms: number }): Promise<Fetched>;
  /** Whether a TLS handshake with this place comes to its end; whose certificate it is does not matter. */
  handshake(url: URL, ms: number): Promise<boolean>;
}

/** @param allowPrivate `HOST:PORT` of places that count though they are not public: for tests */
export function openOutside(
  allowPrivate: readonly string[],
  resolve: Resolve = systemResolve,
): Outside {
  const rules = { allowedHosts: [], anyHost: true, allowPrivate };
  const vetted = (url: URL, signal: AbortSignal) =>
    Promise.race([vet(url, rules, resolve), abortOf(signal)]);

  return {
    async text(first, { bytesMax, ms }) {
      const signal = AbortSignal.timeout(ms);
      const failed = (failure: FetchFailure): Fetched => ({ ok: false, failure });
      try {
        let url = first;
        for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
          const target = await vetted(url, signal);
          if (!target) return failed({ reason: 'not_public' });
          // Whoever allows a private address still asks for its certificate: a reader trusts the address.
          const verified = { ...target, private: false };
          const response = await exchange(url, verified, { method: 'GET', signal });
          const status = response.statusCode ?? 0;
          const { location } = response.headers;
          if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
            response.destroy();
            if (!URL.canParse(location, url.href)) return failed({ reason: 'status', status });
            const next = new URL(location, url);
            const isWorse = url.protocol === 'https:' && next.protocol !== 'https:';
            if (isWorse) return failed({ reason: 'downgraded' });
            url = next;
            continue;
          }
          if (status !== 200) {
            response.destroy();
            return failed({ reason: 'status', status });
          }
          return await collect(response, bytesMax);
        }
        return failed({ reason: 'unreachable' });
      } catch (error) {
        if (signal.aborted) return failed({ reason: 'slow', ms });
        const fault = certificateFault(error);
        return failed(fault ? { reason: 'certificate', fault } : { reason: 'unreachable' });
      }
    },

    async handshake(url, ms) {
      const signal = AbortSignal.timeout(ms);
      const target = await vetted(url, signal).catch(() => undefined);
      const [address] = target?.addresses ?? [];
      if (!address || url.protocol !== 'https:') return false;
      return new Promise((done) => {
        const name = url.hostname.replace(/^\[|\]$/g, '');
        const socket = connect({
          host: address.address,
          port: Number(url.port) || 443,
          ...(/[a-z]/i.test(name) && !name.includes(':') ? { servername: name } : {}),
          // Nodes have certificates of their own; that somebody is there is all that is asked.
          rejectUnauthorized: false,
        });
        const end = (isThere: boolean) => {
          signal.removeEventListener('abort', late);
          socket.destroy();
          done(isThere);
        };
        const late = () => end(false);
        signal.addEventListener('abort', late, { once: true });
        socket.once('secureConnect', () => end(true)).on('error', () => end(false));
      });
    },
  };
}

/** What TLS has against the other side, by the codes of Node and OpenSSL; undefined for anything else. */
function certificateFault(error: unknown): CertificateFault | undefined {
  const code = String((error as { readonly code?: unknown } | null)?.code ?? '');
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return 'expired';
    case 'CERT_NOT_YET_VALID':
      return 'not_yet';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'other_host';
    case 'EPROTO':
      return 'no_tls';
  }
  if (code.startsWith('ERR_SSL_')) return 'no_tls';
  return /CERT|SIGNATURE|ISSUER|_CA$|_CRL/.test(code) ? 'untrusted' : undefined;
}

async function collect(
  response: AsyncIterable<Buffer> & {
    readonly headers: { readonly 'content-length'?: string | undefined };
    destroy(): void;
  },
  bytesMax: number,
): Promise<Fetched> {
  const tooLarge: Fetched = { ok: false, failure: { reason: 'too_large', bytesMax } };
  if (Number(response.headers['content-length'] ?? 0) > bytesMax) {
    response.destroy();
    return tooLarge;
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop early destroys the stream.
  for await (const piece of response) {
    bytes += piece.length;
    if (bytes > bytesMax) return tooLarge;
    pieces.push(piece);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
    return { ok: true, text, bytes };
  } catch {
    return { ok: false, failure: { reason: 'not_text' } };
  }
}

function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

const CERTIFICATE_TEXTS: Readonly<Record<CertificateFault, string>> = {
  expired: 'its certificate has expired, so that nobody can tell who answers',
  not_yet: 'its certificate is not valid yet; perhaps a clock is wrong',
  other_host: 'its certificate is for another address than this one',
  untrusted: 'its certificate is of nobody that this directory trusts',
  no_tls: 'it does not speak TLS as an https address has to',
};

/** What happened, as a reader of the directory is told; without a full stop. */
export function failureText(failure: FetchFailure): string {
  switch (failure.reason) {
    case 'not_public':
      return 'its address, or one that it redirects to, is not a public one';
    case 'unreachable':
      return 'it does not answer';
    case 'downgraded':
      return 'it leads from https to http, where anybody on the way could change what is read';
    case 'certificate':
      return CERTIFICATE_TEXTS[failure.fault];
    case 'slow':
      return `its answer was not there after ${failure.ms / 1000} s`;
    case 'too_large':
      return `its answer is longer than ${Math.round(failure.bytesMax / 1024)} KiB`;
    case 'status':
      return `it answers with status ${failure.status}`;
    case 'not_text':
      return 'its answer is not UTF-8 text';
  }
}
