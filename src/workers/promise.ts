import { coveredMs, type Stretch } from './stretches.ts';

/** A share of the time for which a worker promised to be there, from when on. */
export interface PromiseFrom {
  readonly at: number;
  /** Undefined: it promises nothing any more. */
  readonly share: { readonly numerator: bigint; readonly denominator: bigint } | undefined;
}

/**
 * How long a worker promised to be there within a period, in milliseconds: each promise from when it
 * was made, of the time in which the pool itself could be reached. Rounded down.
 *
 * `changes`: in any order; the later one counts. `expected`: what the terms expect of a worker that
 * nothing else was said of, from the first time that it was there.
 */
export function promisedMs(options: {
  readonly within: Stretch;
  readonly changes: readonly PromiseFrom[];
  readonly expected: PromiseFrom | undefined;
  /** When the pool was up. */
  readonly up: readonly Stretch[];
}): bigint {
  const { within, changes, expected, up } = options;
  const inOrder = [...(expected ? [expected] : []), ...changes.toSorted((a, b) => a.at - b.at)];
  let sum = 0n;
  for (const [index, { at, share }] of inOrder.entries()) {
    // What the terms expect holds until the operator says something else.
    const until = Math.min(inOrder[index + 1]?.at ?? within.until, within.until);
    const since = Math.max(at, within.since);
    if (!share || until <= since) continue;
    const ms = BigInt(Math.floor(coveredMs(up, { since, until })));
    sum += (ms * share.numerator) / share.denominator;
  }
  return sum;
}

/** `95%` or `99.5%`: more than none, and at most all of the time. Undefined for anything else. */
export function parsePromise(
  text: string,
): { readonly numerator: bigint; readonly denominator: bigint } | undefined {
  const match = /^(\d{1,3})(?:\.(\d{1,3}))?%$/.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = ''] = match;
  const numerator = BigInt(whole + fraction);
  const denominator = 100n * 10n ** BigInt(fraction.length);
  return numerator > 0n && numerator <= denominator ? { numerator, denominator } : undefined;
}
