import { type Fees, feesFor, replacementFees } from './fees.ts';
import {
  boundEntries,
  type Draft,
  fillerId,
  intendedEntries,
  isFiller,
  put,
  retryTime,
  settle,
} from './journal-draft.ts';
import type { Attempt, BoundEntry, IntendedEntry, Intent, View } from './journal-types.ts';

/** A bound entry that no block shows. */
type Pending = Extract<BoundEntry, { state: 'signed' | 'broadcast' }>;

/** Does whatever may be done now: sends in the order of nonces, asks for one signature at a time. */
export function advance(draft: Draft): void {
  const { view } = draft;
  if (!view || draft.paused) return;
  deliver(draft, view);
  if (draft.signing && draft.at - draft.signing.since < draft.rules.signTimeoutMs) return;
  draft.signing = undefined;
  if (!replaceLowest(draft, view)) bindNext(draft, view);
}

/**
 * A nonce goes out only when the one before it was taken: Arbitrum holds what comes out of order
 * for seconds only, and answers when it has put a transaction into its sequence.
 */
function deliver(draft: Draft, view: View): void {
  let nonce = view.latestNonce;
  for (const entry of boundEntries(draft)) {
    if (entry.nonce < view.latestNonce || entry.state === 'included') continue;
    if (entry.nonce !== nonce) return;
    nonce += 1;
    if (isDue(draft, entry)) {
      const { hash, raw } = newest(entry);
      draft.actions.push({ action: 'broadcast', nonce: entry.nonce, hash, raw });
      const resent = entry.delivery.is === 'accepted';
      put(draft, { ...entry, delivery: { is: 'sending', since: draft.at } }, 'in_memory');
      if (resent) continue;
      return;
    }
    if (entry.delivery.is !== 'accepted') return;
  }
}

function isDue({ at, rules }: Draft, { delivery }: Pending): boolean {
  switch (delivery.is) {
    case 'due':
      return true;
    case 'sending':
      return at - delivery.since >= rules.resendMs;
    case 'accepted':
      return at - delivery.at >= rules.resendMs;
    case 'failed':
      return at >= delivery.retryAt;
    case 'fee_too_low':
      return false;
  }
}

/** Asks for other bytes with the lowest nonce that no block shows, where these will not do. */
function replaceLowest(draft: Draft, view: View): boolean {
  const { rules, at } = draft;
  const lowest = boundEntries(draft).find(({ nonce }) => nonce === view.latestNonce);
  if (!lowest || lowest.state === 'included') return false;
  if (lowest.delivery.is === 'failed' && at < lowest.delivery.retryAt) return false;
  const last = newest(lowest);
  if (lowest.withdrawn && last.kind === 'work' && cancel(draft, lowest, view)) return true;

  const behind = last.maxFeePerGas < view.baseFeePerGas + last.maxPriorityFeePerGas;
  if (!behind) {
    // Blocks ask for less again than when the node refused it.
    if (lowest.delivery.is === 'fee_too_low') sendAgain(draft, lowest);
    return false;
  }
  const waited = at - last.signedAt;
  if (lowest.delivery.is !== 'fee_too_low' && waited < rules.replaceAfterMs) return false;
  if (last.kind === 'cancel' || lowest.withdrawn) return cancel(draft, lowest, view);
  const fees = replacementFees(lowest.intent, last, view, rules);
  if (fees.ok) return ask(draft, lowest.intent, 'work', lowest.nonce, fees);
  const othersWait = draft.entries.size > 1;
  return othersWait && waited >= rules.giveUpAfterMs && cancel(draft, lowest, view);
}

function sendAgain(draft: Draft, entry: Pending): void {
  const delivery = { is: 'failed', tries: 1, retryAt: retryTime(draft, 1) } as const;
  put(draft, { ...entry, delivery }, 'in_memory');
}

function cancel(draft: Draft, entry: Pending, view: View): boolean {
  const work = { gasLimit: draft.rules.cancelGasLimit, worthWei: undefined };
  const fees = replacementFees(work, newest(entry), view, draft.rules);
  return fees.ok && ask(draft, entry.intent, 'cancel', entry.nonce, fees);
}

/** Gives the lowest free nonce to the oldest intent that can pay for its gas. */
function bindNext(draft: Draft, view: View): void {
  const bound = boundEntries(draft);
  const taken = new Set(bound.map(({ nonce }) => nonce));
  let nonce = Math.max(view.latestNonce, draft.nonceFloor);
  while (taken.has(nonce)) nonce += 1;
  // What is above a gap waits for it, so a gap is filled first, with nothing if need be.
  const isGap = bound.some((entry) => entry.nonce > nonce);
  dropFillers(draft, isGap ? nonce : undefined);
  const inFlight = bound.filter((entry) => entry.nonce >= view.latestNonce).length;
  if (!isGap && inFlight >= draft.rules.inFlightMax) return;

  for (const entry of intendedEntries(draft)) {
    if (isFiller(entry.intent.id) || draft.at < entry.retryAt) continue;
    const fees = feesFor(entry.intent, view, draft.rules);
    if (!fees.ok) continue;
    ask(draft, entry.intent, 'work', nonce, fees);
    return;
  }
  if (isGap) fill(draft, nonce, view);
}

function fill(draft: Draft, nonce: number, view: View): void {
  const { self, cancelGasLimit } = draft.rules;
  const nothing = { to: self, value: 0n, data: '0x', gasLimit: cancelGasLimit } as const;
  const known = intendedEntries(draft).find(({ intent }) => isFiller(intent.id, nonce));
  const entry: IntendedEntry = known ?? {
    intent: { id: fillerId(nonce, draft.at), ...nothing, worthWei: undefined },
    withdrawn: false,
    state: 'intended',
    retryAt: draft.at,
  };
  if (!known) put(draft, entry, 'stored');
  const fees = feesFor(entry.intent, view, draft.rules);
  if (fees.ok && draft.at >= entry.retryAt) ask(draft, entry.intent, 'work', nonce, fees);
}

/** A filler that was not signed yet and whose gap is gone. */
function dropFillers(draft: Draft, gap: number | undefined): void {
  for (const { intent, withdrawn } of intendedEntries(draft)) {
    if (!isFiller(intent.id) || (gap !== undefined && isFiller(intent.id, gap))) continue;
    settle(draft, { intent, withdrawn, state: 'failed', reason: 'not_needed' });
  }
}

function ask(
  draft: Draft,
  intent: Intent,
  kind: Attempt['kind'],
  nonce: number,
  { maxFeePerGas, maxPriorityFeePerGas }: Fees,
): boolean {
  draft.asks += 1;
  const { self, cancelGasLimit } = draft.rules;
  const { to, value, data, gasLimit } =
    kind === 'work'
      ? intent
      : { to: self, value: 0n, data: '0x' as const, gasLimit: cancelGasLimit };
  const what = { ask: draft.asks, intent: intent.id, kind, nonce, to, value, data, gasLimit };
  const request = { ...what, maxFeePerGas, maxPriorityFeePerGas };
  draft.signing = { request, since: draft.at };
  draft.actions.push({ action: 'sign', request });
  return true;
}

function newest(entry: BoundEntry): Attempt {
  return entry.attempts.at(-1) ?? entry.attempts[0];
}
