import { type Instant, instant } from '../base/clock.ts';
import { recipientIn } from '../payouts/address.ts';
import type { Recipient } from '../payouts/plan-types.ts';

/** A message of a wallet is some hundred characters; resources make it longer. */
const MESSAGE_CHARACTERS_MAX = 4_096;
/** Clocks of phones are off by seconds; one that is off by minutes is told so. */
const AHEAD_MS_MAX = 2 * 60_000;
/** As long as a nonce lives. */
const AGE_MS_MAX = 10 * 60_000;

/** What somebody signed to sign in: EIP-4361. */
export interface SignInMessage {
  /** Host and port of the page that asked for it, as the wallet showed it. */
  readonly domain: string;
  readonly scheme: string | undefined;
  readonly address: Recipient;
  readonly uri: string;
  readonly chainId: number;
  readonly nonce: string;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant | undefined;
  readonly notBefore: Instant | undefined;
}

/** Why a message does not sign anybody in. */
export type SignInRefusal =
  | 'message_malformed'
  | 'foreign_domain'
  | 'foreign_uri'
  | 'other_chain'
  | 'message_expired'
  | 'message_not_yet_valid'
  | 'nonce_invalid'
  | 'nonce_used'
  | 'signature_wrong'
  | 'wallet_unknown'
  | 'link_invalid';

const TIME = String.raw`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))`;
const MESSAGE = new RegExp(
  [
    String.raw`^(?:(https?)://)?([^\s/?#@]{1,255}) wants you to sign in with your Ethereum account:`,
    '(0x[0-9a-fA-F]{40})',
    '',
    String.raw`(?:[^\n]{1,500}\n)?`,
  ].join('\n') +
    [
      String.raw`URI: (\S{1,500})`,
      'Version: 1',
      String.raw`Chain ID: (\d{1,15})`,
      'Nonce: ([A-Za-z0-9]{8,96})',
      `Issued At: ${TIME}`,
    ].join('\n') +
    String.raw`(?:\nExpiration Time: ${TIME})?(?:\nNot Before: ${TIME})?` +
    String.raw`(?:\nRequest ID: [^\n]{0,200})?(?:\nResources:(?:\n- \S{1,500}){0,20})?$`,
);

/** Reads a message in the form of EIP-4361, and nothing that only looks like it. */
export function readMessage(text: string): SignInMessage | undefined {
  if (text.length > MESSAGE_CHARACTERS_MAX) return undefined;
  // The blank line before `URI` stands there with a statement and without.
  const match = MESSAGE.exec(text.replace(/\n\nURI: /, '\nURI: '));
  if (!match || !/\n\nURI: /.test(text)) return undefined;
  const [, scheme, domain = '', shown = '', uri = '', chain = '', nonce = '', ...times] = match;
  const address = recipientIn(shown);
  const [issuedAt, expiresAt, notBefore] = times.map(timeIn);
  if (!address || issuedAt === undefined) return undefined;
  return {
    ...{ domain, scheme, address, uri, nonce, issuedAt, expiresAt, notBefore },
    chainId: Number(chain),
  };
}

function timeIn(text: string | undefined): Instant | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : instant(ms);
}

/** Why a message is none for this pool and this moment; its nonce and signature are looked at after. */
export function messageRefusal(
  message: SignInMessage,
  here: {
    /** `https://pool.example`: where pages of this pool are. */
    readonly origins: ReadonlySet<string>;
    readonly chainId: number;
    readonly now: Instant;
  },
): SignInRefusal | undefined {
  const { domain, scheme, uri, chainId, issuedAt, expiresAt, notBefore } = message;
  const ours = [...here.origins].filter((origin) => {
    const { host, protocol } = new URL(origin);
    return host === domain && (scheme === undefined || protocol === `${scheme}:`);
  });
  if (ours.length === 0) return 'foreign_domain';
  if (!URL.canParse(uri) || !ours.includes(new URL(uri).origin)) return 'foreign_uri';
  if (chainId !== here.chainId) return 'other_chain';
  if (here.now - issuedAt > AGE_MS_MAX) return 'message_expired';
  if (expiresAt !== undefined && here.now >= expiresAt) return 'message_expired';
  if (issuedAt - here.now > AHEAD_MS_MAX) return 'message_not_yet_valid';
  return notBefore !== undefined && here.now < notBefore ? 'message_not_yet_valid' : undefined;
}
