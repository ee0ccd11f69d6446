import type { Instant } from '../base/clock.ts';
import type { IntentId } from '../chain/journal-types.ts';
import { ownError } from '../chain/rpc-refusal.ts';
import type { ChainView } from '../chain/view.ts';
import { rewardKey } from './actions.ts';
import { callOnce, type DutyParts } from './duty-call.ts';
import type { Look } from './look.ts';
import type { DutyRules } from './parts.ts';
import { rewardCall } from './plan-money.ts';
import { journalFor } from './sending.ts';

/** First pause after a call that failed; doubles with each. A round has about 21 hours. */
const RETRY_MS = 30_000;
/** The last pause is a quarter of an hour, and then one follows the other until the round ends. */
const RETRY_MS_MAX = 15 * 60_000;
/** Calls of a round that cost gas and brought nothing; more would cost more than patience brings. */
const TRIES_MAX = 8;

/** How the reward of the current round stands with us. */
export interface RewardTries {
  readonly round: bigint;
  /** Ids that are used up. */
  readonly tries: number;
  readonly retryAt: Instant;
  readonly running: boolean;
}

/** Whether to call reward. */
export type RewardDecision =
  | { readonly action: 'call'; readonly tryNumber: number }
  | {
      readonly action: 'leave';
      readonly reason:
        | 'off'
        | 'paused'
        | 'round_not_initialized'
        | 'not_active'
        | 'called'
        | 'running'
        | 'retry_later'
        | 'gave_up'
        | 'no_key';
    };

/** The reward of a round can be called once, from its initialisation to its end. */
export function decideReward(facts: {
  readonly view: Pick<ChainView, 'paused' | 'roundInitialized' | 'currentRound' | 'recipient'>;
  readonly rule: boolean;
  readonly hasKey: boolean;
  readonly tries: RewardTries | undefined;
  readonly now: Instant;
}): RewardDecision {
  const { view, now } = facts;
  const leave = (reason: Extract<RewardDecision, { action: 'leave' }>['reason']) =>
    ({ action: 'leave', reason }) as const;
  if (!facts.rule) return leave('off');
  if (facts.tries?.running && facts.tries.round === view.currentRound) return leave('running');
  if (view.recipient.lastRewardRound >= view.currentRound) return leave('called');
  if (!view.roundInitialized) return leave('round_not_initialized');
  if (!view.recipient.active) return leave('not_active');
  if (view.paused) return leave('paused');
  if (!facts.hasKey) return leave('no_key');
  const tries = facts.tries?.round === view.currentRound ? facts.tries : undefined;
  if (!tries) return { action: 'call', tryNumber: 1 };
  if (tries.tries >= TRIES_MAX) return leave('gave_up');
  if (now < tries.retryAt) return leave('retry_later');
  return { action: 'call', tryNumber: tries.tries + 1 };
}

/** The pause after so many failed tries. */
export function retryPauseMs(tries: number): number {
  return Math.min(RETRY_MS * 2 ** Math.max(0, tries - 1), RETRY_MS_MAX);
}

/**
 * Calls reward in every round, with a hint, also for a round that had begun before the start. A call
 * that failed is repeated with growing pauses.
 */
export function startReward(
  parts: DutyParts & { readonly rules: Pick<DutyRules, 'reward'>; readonly look: Look },
): { close(): void } {
  const { watch, clock, rules, look } = parts;
  let tries: RewardTries | undefined;
  /** Of the call that is under way. */
  let sent: { readonly key: 'orchestrator' | 'reward_caller'; readonly id: IntentId } | undefined;
  let closed = false;

  function consider(view: ChainView): void {
    if (closed) return;
    if (tries?.running && tries.round !== view.currentRound) takeBack();
    const { orchestrator, rewardCaller } = parts.transactions;
    const hasKey = orchestrator !== undefined || rewardCaller !== undefined;
    const now = clock.now();
    const decision = decideReward({ view, rule: rules.reward, hasKey, tries, now });
    if (decision.action !== 'call') return;
    tries = { round: view.currentRound, tries: decision.tryNumber, retryAt: now, running: true };
    void call(view.currentRound, decision.tryNumber);
  }

  /** The round is over: the call would fail now. */
  function takeBack(): void {
    const late = sent;
    tries = undefined;
    sent = undefined;
    if (!late) return;
    journalFor(parts, late.key)
      ?.withdraw(late.id)
      .catch((error: unknown) => {
        parts.log.warn('reward_withdraw_failed', { code: ownError(error)?.code ?? 'internal' });
      });
  }

  async function call(round: bigint, tryNumber: number): Promise<void> {
    const outcome = await tryOnce(round, tryNumber);
    // What never became a transaction did not use its id up.
    const used = outcome === 'unavailable' || outcome === 'would_fail' ? tryNumber - 1 : tryNumber;
    if (tries?.round !== round) return;
    sent = undefined;
    const retryAt = (clock.now() + retryPauseMs(tryNumber)) as Instant;
    tries = { round, tries: outcome === 'done' ? TRIES_MAX : used, retryAt, running: false };
    if (outcome === 'done') await look.again().catch(() => {});
  }

  async function tryOnce(round: bigint, tryNumber: number) {
    // A look that had begun before the round did is of no use.
    let seen = await look.again().catch(() => undefined);
    if (seen?.standing.round !== round) seen = await look.again().catch(() => undefined);
    if (closed || seen?.standing.round !== round) return 'unavailable';
    if (seen.standing.lastRewardRound >= round) return 'done';
    const key = rewardKey(parts, seen.standing);
    if (!key) return 'unavailable';
    const id = tryNumber === 1 ? `reward:${round}` : `reward:${round}:${tryNumber}`;
    sent = { key, id: id as IntentId };
    return callOnce(parts, 'reward', { id, call: rewardCall(seen.standing, key) });
  }

  const stop = watch.onBlock(consider);
  const view = watch.current();
  if (view) consider(view);
  return {
    close() {
      closed = true;
      stop();
    },
  };
}
