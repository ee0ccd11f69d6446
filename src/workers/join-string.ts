import { type Credential, parseCredential } from './credentials.ts';

/** Longest host name of DNS. */
const HOST_CHARS_MAX = 253;
/** Longest text that is looked at: host, port, pin and credential with room to spare. */
const JOIN_STRING_CHARS_MAX = 512;
/** base64url of a SHA-256. */
const PIN = /^[A-Za-z0-9_-]{43}$/;
const HOST = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)$/;

/** All that a worker needs to join: where, whom to expect there, and who it is itself. */
export interface JoinString {
  /** Name or address; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  /** base64url SHA-256 of the pool's DER certificate, 43 characters. */
  readonly pin: string;
  readonly credential: Credential;
}

export type ParsedJoinString =
  | { readonly ok: true; readonly join: JoinString }
  | { readonly ok: false; readonly reason: JoinStringFault };

/** What a reader should be told about each fault. */
export const joinStringFaults = {
  not_a_join_string: 'it does not start with tributary://',
  address_invalid: 'its HOST:PORT part is not an address',
  pin_invalid: 'its certificate pin is cut off or changed',
  credential_invalid: 'its credential is cut off or changed',
} as const;

export type JoinStringFault = keyof typeof joinStringFaults;

/**
 * `tributary://HOST:PORT/PIN/CREDENTIAL`. Slashes rather than `?`, `&` and `#`, which zsh, cmd and
 * double-clicks treat as their own.
 */
export function formatJoinString({ host, port, pin, credential }: JoinString): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `tributary://${name}:${port}/${pin}/${credential}`;
}

/** Decodes a join string as a person pasted it; white space around it is forgiven. */
export function parseJoinString(text: string): ParsedJoinString {
  const trimmed = text.trim();
  if (trimmed.length > JOIN_STRING_CHARS_MAX || !trimmed.startsWith('tributary://')) {
    return { ok: false, reason: 'not_a_join_string' };
  }
  const [address = '', pin = '', secret = '', ...rest] = trimmed
    .slice('tributary://'.length)
    .split('/');
  const place = parseAddress(address);
  if (!place) return { ok: false, reason: 'address_invalid' };
  if (!PIN.test(pin)) return { ok: false, reason: 'pin_invalid' };
  const parsed = parseCredential(secret);
  if (!parsed || rest.length > 0) return { ok: false, reason: 'credential_invalid' };
  return { ok: true, join: { ...place, pin, credential: parsed.credential } };
}

function parseAddress(text: string): { host: string; port: number } | undefined {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon);
  const digits = text.slice(colon + 1);
  if (colon < 1 || host.length > HOST_CHARS_MAX || !HOST.test(host)) return undefined;
  if (!/^\d{1,5}$/.test(digits)) return undefined;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port };
}
