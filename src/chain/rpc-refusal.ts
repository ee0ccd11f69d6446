import { TributaryError } from '../base/errors.ts';

/** A text of a node is for a person to read, not for keeping. */
const TEXT_CHARS_MAX = 200;
/** Long runs of letters and digits are keys of an account with a provider. */
const KEY_CHARS_MIN = 20;
/** Shorter parts of a URL are words such as `v2` or `rpc`. */
const SECRET_CHARS_MIN = 5;

/** A node's own error answer: it understood and says no. The text holds no URL, host or key. */
export class RpcRefusal extends TributaryError {
  /** 3: the call was reverted. */
  readonly rpcCode: number;
  /** What a contract reverted with. */
  readonly data: unknown;

  constructor(label: string, answer: { code: number; text: string; data: unknown }) {
    super('rpc_refused', answer.text, { facts: { provider: label, rpcCode: answer.code } });
    this.rpcCode = answer.code;
    this.data = answer.data;
  }

  /** Any other node would say the same: the call reverts, or asks for what cannot be. */
  get isAboutTheCall(): boolean {
    return (
      this.rpcCode === 3 ||
      this.rpcCode === -32_600 ||
      this.rpcCode === -32_602 ||
      // anvil says ReentrancySentryOOG and the like.
      /revert|out of gas|^EVM error/i.test(this.message)
    );
  }

  /** It says nothing but that this node will not answer now. Some use one code for that and for too much at once. */
  get isRateLimit(): boolean {
    if (/more than \d+ (?:results|blocks|logs)|block range|range (?:is )?too/i.test(this.message)) {
      return false;
    }
    return this.rpcCode === -32_005 || this.rpcCode === 429 || /rate limit/i.test(this.message);
  }
}

/** Everything of a URL that must not be told: host, user, password, path, query. */
export function secretsOf(url: URL): readonly string[] {
  const { host, hostname, username, password, pathname, searchParams } = url;
  const parts = [
    host,
    hostname,
    username,
    password,
    ...pathname.split('/'),
    ...searchParams.values(),
  ];
  return [...new Set(parts.flatMap((part) => [part, safeDecode(part)]))]
    .filter((part) => part.length >= SECRET_CHARS_MIN)
    .sort((a, b) => b.length - a.length);
}

/** What a stranger wrote, fit to be shown: no URL, address of a machine, key or control character. */
export function safeText(text: unknown, secrets: readonly string[]): string {
  if (typeof text !== 'string') return 'no text';
  let safe = text.slice(0, 4 * TEXT_CHARS_MAX).replace(/[^ -~]+/g, ' ');
  for (const secret of secrets) safe = safe.replaceAll(secret, '[cut]');
  return safe
    .replace(/\S*:\/\/\S*/g, '[cut]')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, '[cut]')
    .replace(/[\w-]+/g, (word) => (isKey(word) ? '[cut]' : word))
    .slice(0, TEXT_CHARS_MAX)
    .trim();
}

function isKey(word: string): boolean {
  return word.length >= KEY_CHARS_MIN && /\d/.test(word) && !/^(?:0x[0-9a-fA-F]*|\d+)$/.test(word);
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The error of ours below whatever a library made of it. */
export function ownError(error: unknown): TributaryError | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if (at instanceof TributaryError) return at;
  }
  return undefined;
}
