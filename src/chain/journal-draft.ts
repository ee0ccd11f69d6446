import type { Hex } from 'viem';
import type { Instant } from '../base/clock.ts';
import { instant } from '../base/clock.ts';
import type {
  BoundEntry,
  IntendedEntry,
  IntentId,
  JournalAction,
  JournalRules,
  JournalState,
  JournalStep,
  JournalWrite,
  OpenEntry,
  SettledEntry,
} from './journal-types.ts';

/** A state in the making: changed in place within one step, and only there. */
export interface Draft {
  readonly rules: JournalRules;
  readonly at: Instant;
  readonly entries: Map<IntentId, OpenEntry>;
  readonly writes: JournalWrite[];
  readonly actions: JournalAction[];
  nonceFloor: number;
  view: JournalState['view'];
  paused: JournalState['paused'];
  asks: number;
  signing: JournalState['signing'];
  outOfFunds: boolean;
}

/** Begins a step; the state that it starts from stays as it is. */
export function draftOf(state: JournalState, rules: JournalRules, at: Instant): Draft {
  return { ...state, rules, at, entries: new Map(state.entries), writes: [], actions: [] };
}

/** Ends a step. */
export function stepOf(draft: Draft): JournalStep {
  const { rules: _, at: __, writes, actions, ...state } = draft;
  return { state, writes, actions };
}

/** Changes an entry, and stores it where what is stored of it changes. */
export function put(draft: Draft, entry: OpenEntry, stored: 'stored' | 'in_memory'): void {
  draft.entries.set(entry.intent.id, entry);
  if (stored === 'stored') draft.writes.push({ write: 'entry', entry });
}

/** Ends an entry for good. */
export function settle(draft: Draft, entry: SettledEntry): void {
  draft.entries.delete(entry.intent.id);
  if (draft.signing?.request.intent === entry.intent.id) draft.signing = undefined;
  draft.writes.push({ write: 'entry', entry });
  draft.actions.push({ action: 'settled', entry });
}

/** The nonce of an entry is used up without its work: it waits for another, or ends. */
export function unbind(draft: Draft, entry: BoundEntry, by: Hex): void {
  const { intent, withdrawn, nonce } = entry;
  if (draft.signing?.request.intent === intent.id) draft.signing = undefined;
  draft.writes.push({ write: 'replaced', intent: intent.id, nonce, by });
  if (isFiller(intent.id))
    settle(draft, { intent, withdrawn, state: 'failed', reason: 'not_needed' });
  else if (withdrawn) settle(draft, { intent, withdrawn, state: 'failed', reason: 'withdrawn' });
  else put(draft, { intent, withdrawn, state: 'intended', retryAt: draft.at }, 'stored');
}

/** Entries with a nonce, the lowest first. */
export function boundEntries(draft: Pick<JournalState, 'entries'>): readonly BoundEntry[] {
  return [...draft.entries.values()]
    .filter((entry): entry is BoundEntry => entry.state !== 'intended')
    .sort((a, b) => a.nonce - b.nonce);
}

/** Entries that wait for a nonce, the oldest first. */
export function intendedEntries(draft: Pick<JournalState, 'entries'>): readonly IntendedEntry[] {
  return [...draft.entries.values()].filter((entry) => entry.state === 'intended');
}

/** Made by the journal itself, for a nonce that nobody else would use; never the same one twice. */
export function fillerId(nonce: number, at: Instant): IntentId {
  return `fill:${nonce}:${at}` as IntentId;
}

/** See {@link fillerId}. */
export function isFiller(id: IntentId, nonce?: number): boolean {
  return id.startsWith(nonce === undefined ? 'fill:' : `fill:${nonce}:`);
}

/** When to try again after the nth failure in a row. */
export function retryTime({ at, rules }: Draft, tries: number): Instant {
  return instant(at + rules.retryMs * 2 ** Math.min(tries - 1, 6));
}
