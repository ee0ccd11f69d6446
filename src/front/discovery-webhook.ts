import { hex } from '../base/bytes.ts';
import type { Clock, Instant } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { type Rational, rational } from '../payments/rational.ts';
import { checksumAddress } from '../protocol/signature.ts';
import { cleanErrorText } from '../protocol/texts.ts';

/** Wire: go-livepeer server/rpc.go authTokenValidPeriod, for which the price is remembered. */
const PRICE_MS = 30 * 60 * 1000;
/** A gateway that asks again at once is not asked about again. */
const ANSWER_MS = 5_000;
/** Gateways give up discovery after a few seconds. */
const ASK_MS = 2_000;
const ASKS_MAX = 64;
const ANSWER_BYTES_MAX = 16 * 1024;
const GATEWAYS_MAX = 20_000;
const INT64_MAX = 2n ** 63n - 1n;

/** What the operator's own service said of a gateway. */
export type Verdict =
  | { readonly ok: true }
  /** Shown to the gateway. */
  | { readonly ok: false; readonly text: string };

/** Asks the operator's service whether a gateway may be served, and at what price. */
export interface DiscoveryWebhook {
  ask(sender: Uint8Array): Promise<Verdict>;
  /** Wei per pixel that its last answers gave to this gateway, if they did. */
  agreedPrice(sender: Uint8Array): Rational | undefined;
}

interface Known {
  readonly price: Rational | undefined;
  readonly at: Instant;
}

/**
 * The webhook of discovery: POST `{"id":"0x…"}`; status 200 lets the gateway in, perhaps with
 * `{"priceInfo":{"pricePerUnit":…,"pixelsPerUnit":…}}`, any other keeps it out with the body as the
 * reason. Wire: go-livepeer server/rpc.go:authenticateBroadcaster.
 */
export function createDiscoveryWebhook(parts: {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
}): DiscoveryWebhook {
  const { url, clock, log } = parts;
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<Verdict>>();

  async function askNow(sender: Uint8Array, key: string): Promise<Verdict> {
    try {
      const { status, body } = await post(url, JSON.stringify({ id: checksumAddress(sender) }));
      if (status !== 200) return { ok: false, text: cleanErrorText(body) };
      const price = priceIn(body);
      if (price === 'invalid') return failed('invalid_answer', 'the answer has no valid price');
      remember(key, { price, at: clock.now() });
      return { ok: true };
    } catch (error) {
      return failed(error instanceof RangeError ? 'invalid_answer' : 'no_answer', UNREACHABLE);
    }
  }

  function failed(reason: string, text: string): Verdict {
    log.warn('discovery_webhook_failed', { reason });
    return { ok: false, text };
  }

  function remember(key: string, entry: Known): void {
    known.delete(key);
    known.set(key, entry);
    for (const oldest of known.keys()) {
      if (known.size <= GATEWAYS_MAX) break;
      known.delete(oldest);
    }
  }

  return {
    async ask(sender) {
      const key = hex(sender);
      const last = known.get(key);
      if (last && clock.now() - last.at < ANSWER_MS) return { ok: true };
      const running = asking.get(key);
      if (running) return running;
      if (asking.size >= ASKS_MAX) return failed('busy', UNREACHABLE);
      const asked = askNow(sender, key).finally(() => asking.delete(key));
      asking.set(key, asked);
      return asked;
    },
    agreedPrice(sender) {
      const last = known.get(hex(sender));
      return last && clock.now() - last.at < PRICE_MS ? last.price : undefined;
    },
  };
}

const UNREACHABLE = 'the authentication service does not answer';

/** Throws when there is no answer; RangeError when it is too long. */
async function post(url: string, body: string): Promise<{ status: number; body: string }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'tributary' },
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(ASK_MS),
  });
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) throw new RangeError('too long');
    pieces.push(piece);
  }
  return { status: response.status, body: Buffer.concat(pieces).toString('utf8') };
}

function priceIn(body: string): Rational | undefined | 'invalid' {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return 'invalid';
  }
  if (typeof answer !== 'object' || answer === null) return 'invalid';
  const { priceInfo } = answer as { priceInfo?: unknown };
  if (priceInfo === undefined || priceInfo === null) return undefined;
  if (typeof priceInfo !== 'object') return 'invalid';
  const { pricePerUnit, pixelsPerUnit } = priceInfo as Record<string, unknown>;
  const over = wholeNumber(pricePerUnit ?? 0);
  const under = wholeNumber(pixelsPerUnit);
  return over === undefined || !under ? 'invalid' : rational(over, under);
}

function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return undefined;
  const whole = BigInt(value);
  return whole <= INT64_MAX ? whole : undefined;
}
