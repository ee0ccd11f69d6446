import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from './address.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Resolves a host name to all of its addresses. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

export const systemResolve: Resolve = (host) => lookup(host, { all: true });

export interface HostRules {
  /**
   * `host` (ports 80 and 443), `host:port`, `*.suffix`, `*.suffix:port` (any depth below the
   * suffix, not the suffix itself). Their addresses must be public.
   */
  readonly allowedHosts: readonly string[];
  /**
   * Exactly `host:port`, allowed whatever the address, and whatever the TLS certificate: for an
   * object store in the operator's own network, and for tests.
   */
  readonly allowPrivate?: readonly string[];
  /** Any host at any port, as long as its addresses are public: for programs that read what others publish. */
  readonly anyHost?: boolean;
}

/** Where a URL may be connected to: the vetted addresses themselves. */
export interface Target {
  readonly addresses: readonly ResolvedAddress[];
  readonly private: boolean;
}

/**
 * Vets a URL: http or https without credentials, its host allowed, every one of its addresses
 * public. Undefined when anything of it fails; no caller learns what.
 */
export async function vet(
  url: URL,
  rules: HostRules,
  resolve: Resolve,
): Promise<Target | undefined> {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  if (url.username !== '' || url.password !== '') return undefined;
  const host = hostOf(url);
  const port = portOf(url);
  const own = (rules.allowPrivate ?? []).some((rule) => rule.toLowerCase() === `${host}:${port}`);
  const isAllowed = own || rules.anyHost === true;
  if (!isAllowed && !rules.allowedHosts.some((rule) => matches(rule.toLowerCase(), host, port))) {
    return undefined;
  }
  const bare = host.replace(/^\[|\]$/g, '');
  const family = isIP(bare);
  const addresses = family
    ? [{ address: bare, family }]
    : await resolve(bare).catch((): readonly ResolvedAddress[] => []);
  if (addresses.length === 0) return undefined;
  // One bad address among good ones is an attack, not a choice.
  if (!own && !addresses.every(({ address }) => isPublicAddress(address))) return undefined;
  return { addresses, private: own };
}

function hostOf(url: URL): string {
  return url.hostname.toLowerCase().replace(/\.$/, '');
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
}

function matches(rule: string, host: string, port: number): boolean {
  const mark = /:(\d{1,5})$/.exec(rule.replace(/^\[.*\]/, (ip) => ip.replaceAll(':', '.')));
  const name = mark ? rule.slice(0, -mark[0].length) : rule;
  const portFits = mark ? Number(mark[1]) === port : port === 443 || port === 80;
  if (!portFits) return false;
  return name.startsWith('*.')
    ? host.endsWith(name.slice(1)) && host !== name.slice(2)
    : host === name;
}
