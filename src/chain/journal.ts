import type { Hex } from 'viem';
import { type Instant, instant } from '../base/clock.ts';
import {
  boundEntries,
  type Draft,
  draftOf,
  put,
  retryTime,
  settle,
  stepOf,
  unbind,
} from './journal-draft.ts';
import { advance } from './journal-next.ts';
import type {
  Attempt,
  BoundEntry,
  Intent,
  IntentId,
  JournalEvent,
  JournalRules,
  JournalState,
  JournalStep,
  OpenEntry,
  Receipt,
  SendAnswer,
  SignFailure,
  View,
} from './journal-types.ts';

/**
 * The journal of everything that one account sends, as a pure function. Its promises, whatever
 * fails and wherever the process dies:
 *
 * - an intent is done by at most one transaction, and none is forgotten;
 * - bytes are stored before they are sent, and after a restart only stored bytes are sent;
 * - a nonce belongs to one intent for ever, and an intent gets another one only after a different
 *   transaction with its old one is final;
 * - no nonce is left out.
 *
 * The shell stores the writes of a step in one transaction, and only then does its actions; when
 * storing fails it forgets the step.
 */
export function step(state: JournalState, event: JournalEvent, rules: JournalRules): JournalStep {
  const draft = draftOf(state, rules, event.at);
  take(draft, event);
  advance(draft);
  return stepOf(draft);
}

/**
 * The journal as it was stored: open entries in the order in which they came, and the lowest nonce
 * that is not known to be used by a final transaction.
 */
export function restore(stored: {
  readonly entries: readonly OpenEntry[];
  readonly nonceFloor: number;
}): JournalState {
  const entries = stored.entries.map((entry): [IntentId, OpenEntry] => [
    entry.intent.id,
    fresh(entry),
  ]);
  return {
    entries: new Map(entries),
    nonceFloor: stored.nonceFloor,
    view: undefined,
    paused: undefined,
    asks: 0,
    signing: undefined,
    outOfFunds: false,
  };
}

/** Every hash whose receipt the next observation must bring, or say that there is none. */
export function watchedHashes(state: JournalState): readonly Hex[] {
  return boundEntries(state).flatMap(({ attempts }) => attempts.map(({ hash }) => hash));
}

function fresh(entry: OpenEntry): OpenEntry {
  if (entry.state === 'intended') return { ...entry, retryAt: instant(0) };
  // Its receipt is looked up anew: the block may be gone.
  return entry.state === 'included' ? entry : { ...entry, delivery: { is: 'due' } };
}

function take(draft: Draft, event: JournalEvent): void {
  switch (event.event) {
    case 'intended':
      takeIntent(draft, event.intent);
      break;
    case 'withdrawn':
      withdraw(draft, event.id);
      break;
    case 'signed':
      takeSigned(draft, event);
      break;
    case 'sign_failed':
      takeSignFailure(draft, event.ask, event.reason);
      break;
    case 'answered':
      takeAnswer(draft, event.hash, event.answer);
      break;
    case 'observed':
      observe(draft, event.view, event.receipts);
      break;
    case 'disagreed':
      draft.paused = event.reason;
      break;
    case 'nonce_taken':
      takeNonceTaken(draft, event.nonce, event.hash);
      break;
    case 'ticked':
      break;
  }
}

function takeIntent(draft: Draft, intent: Intent): void {
  if (draft.entries.has(intent.id)) return;
  put(draft, { intent, withdrawn: false, state: 'intended', retryAt: draft.at }, 'stored');
}

function withdraw(draft: Draft, id: IntentId): void {
  const entry = draft.entries.get(id);
  if (!entry || entry.withdrawn) return;
  const { intent } = entry;
  if (entry.state !== 'intended') put(draft, { ...entry, withdrawn: true }, 'stored');
  else settle(draft, { intent, withdrawn: true, state: 'failed', reason: 'withdrawn' });
}

/** The bytes become true only here; what nobody waits for any more is dropped, unsent. */
function takeSigned(draft: Draft, { ask, raw, hash }: { ask: number; raw: Hex; hash: Hex }): void {
  const request = draft.signing?.request;
  if (request?.ask !== ask) return;
  draft.signing = undefined;
  const { intent: id, nonce, kind, maxFeePerGas, maxPriorityFeePerGas } = request;
  const entry = draft.entries.get(id);
  const signedAt = draft.at;
  const attempt: Attempt = { kind, raw, hash, signedAt, maxFeePerGas, maxPriorityFeePerGas };
  if (!entry || nonce < draft.nonceFloor || nonce < (draft.view?.latestNonce ?? 0)) return;
  if (entry.state === 'included' || (entry.state !== 'intended' && entry.nonce !== nonce)) return;
  if (entry.state === 'intended' && boundEntries(draft).some((other) => other.nonce === nonce)) {
    return;
  }
  const { intent, withdrawn } = entry;
  const before = entry.state === 'intended' ? [] : entry.attempts;
  draft.writes.push({ write: 'attempt', intent: id, nonce, attempt });
  const attempts = [...before, attempt] as unknown as BoundEntry['attempts'];
  const delivery = { is: 'due' } as const;
  put(draft, { intent, withdrawn, state: 'signed', nonce, attempts, delivery }, 'stored');
}

function takeSignFailure(draft: Draft, ask: number, reason: SignFailure): void {
  const request = draft.signing?.request;
  if (request?.ask !== ask) return;
  draft.signing = undefined;
  const entry = draft.entries.get(request.intent);
  if (!entry || entry.state === 'included') return;
  const retryAt = retryTime(draft, 1);
  if (entry.state !== 'intended') {
    // Something of it may be on its way: only a final transaction ends it.
    put(draft, { ...entry, delivery: { is: 'failed', tries: 1, retryAt } }, 'in_memory');
  } else if (reason === 'refused') {
    const { intent, withdrawn } = entry;
    settle(draft, { intent, withdrawn, state: 'failed', reason });
  } else put(draft, { ...entry, retryAt }, 'in_memory');
}

function takeAnswer(draft: Draft, hash: Hex, answer: SendAnswer): void {
  const entry = boundEntries(draft).find(({ attempts }) => attempts.at(-1)?.hash === hash);
  if (!entry || entry.state === 'included') return;
  if (answer === 'accepted') {
    draft.outOfFunds = false;
    const stored = entry.state === 'broadcast' ? 'in_memory' : 'stored';
    put(
      draft,
      { ...entry, state: 'broadcast', delivery: { is: 'accepted', at: draft.at } },
      stored,
    );
  } else if (answer === 'fee_too_low') {
    put(draft, { ...entry, delivery: { is: 'fee_too_low' } }, 'in_memory');
  } else {
    if (answer === 'insufficient_funds') draft.outOfFunds = true;
    const tries = entry.delivery.is === 'failed' ? entry.delivery.tries + 1 : 1;
    const delivery = { is: 'failed', tries, retryAt: retryTime(draft, tries) } as const;
    put(draft, { ...entry, delivery }, 'in_memory');
  }
}

function observe(draft: Draft, view: View, receipts: readonly Receipt[]): void {
  const found = new Map(receipts.map((receipt) => [receipt.hash, receipt]));
  draft.paused = contradiction(draft, view, found);
  if (draft.paused) return;
  draft.view = view;
  for (const entry of boundEntries(draft)) {
    const receipt = entry.attempts.map(({ hash }) => found.get(hash)).find((known) => known);
    if (receipt?.final) conclude(draft, entry, receipt);
    else if (receipt) include(draft, entry, receipt);
    else missed(draft, entry, view);
  }
}

/** What no honest provider can say. Nothing is believed of such an answer. */
function contradiction(
  draft: Draft,
  view: View,
  found: ReadonlyMap<Hex, Receipt>,
): string | undefined {
  if (view.finalNonce > view.latestNonce) return 'nonces_contradict';
  if (view.finalNonce < draft.nonceFloor) return 'final_undone';
  for (const { nonce, attempts } of boundEntries(draft)) {
    const receipts = attempts.flatMap(({ hash }) => found.get(hash) ?? []);
    if (receipts.length > 1) return 'two_receipts_for_a_nonce';
    const [receipt] = receipts;
    if (!receipt) continue;
    if (nonce >= (receipt.final ? view.finalNonce : view.latestNonce)) return 'receipt_contradicts';
  }
  return undefined;
}

function conclude(draft: Draft, entry: BoundEntry, { hash, block, succeeded }: Receipt): void {
  const { intent, withdrawn, nonce } = entry;
  draft.nonceFloor = Math.max(draft.nonceFloor, nonce + 1);
  const cancelled = entry.attempts.some(
    (attempt) => attempt.hash === hash && attempt.kind === 'cancel',
  );
  const inclusion = { hash, block, succeeded };
  if (cancelled) unbind(draft, entry, hash);
  else settle(draft, { intent, withdrawn, state: 'final', nonce, inclusion });
}

function include(draft: Draft, entry: BoundEntry, { hash, block, succeeded }: Receipt): void {
  const { intent, withdrawn, nonce, attempts } = entry;
  const known = entry.state === 'included' ? entry.inclusion : undefined;
  const inclusion = { hash, block, succeeded };
  const same = known?.hash === hash && known.block === block && known.succeeded === succeeded;
  if (same) return;
  put(draft, { intent, withdrawn, state: 'included', nonce, attempts, inclusion }, 'stored');
}

/** No block has it (any more), or somebody else's transaction has its nonce. */
function missed(draft: Draft, entry: BoundEntry, view: View): void {
  if (entry.state === 'included') {
    const { intent, withdrawn, nonce, attempts } = entry;
    const delivery = { is: 'due' } as const;
    put(draft, { intent, withdrawn, state: 'broadcast', nonce, attempts, delivery }, 'stored');
  }
  // Asked at each look at the chain until it is proved: nobody is believed on a mere number.
  if (view.finalNonce > entry.nonce) draft.actions.push({ action: 'find', nonce: entry.nonce });
}

function takeNonceTaken(draft: Draft, nonce: number, hash: Hex): void {
  const entry = boundEntries(draft).find((bound) => bound.nonce === nonce);
  if (!entry || entry.attempts.some((attempt) => attempt.hash === hash)) return;
  draft.nonceFloor = Math.max(draft.nonceFloor, nonce + 1);
  unbind(draft, entry, hash);
}

/** What a person should know of; none of it stops the segments. */
export type JournalAlarm =
  /** Nothing is sent: providers disagree or contradict themselves. */
  | { readonly alarm: 'paused'; readonly reason: string }
  | { readonly alarm: 'out_of_funds' }
  /** Neither included nor replaceable within the limits on gas for a long time. */
  | { readonly alarm: 'stuck'; readonly intent: IntentId };

/** The alarms of now. */
export function journalAlarms(
  state: JournalState,
  rules: JournalRules,
  now: Instant,
): readonly JournalAlarm[] {
  const stuck = boundEntries(state)
    .filter((entry) => entry.state !== 'included')
    .filter(({ attempts: [first] }) => now - first.signedAt >= rules.giveUpAfterMs)
    .map(({ intent }) => ({ alarm: 'stuck', intent: intent.id }) as const);
  return [
    ...(state.paused ? [{ alarm: 'paused', reason: state.paused } as const] : []),
    ...(state.outOfFunds ? [{ alarm: 'out_of_funds' } as const] : []),
    ...stuck,
  ];
}
