import { callOnce, type DutyParts } from './duty-call.ts';
import type { Look, Seen } from './look.ts';
import type { DutyRules } from './parts.ts';
import { withdrawFeesCall } from './plan-money.ts';
import type { Standing } from './standing.ts';

/** Whether fees are withdrawn now, and how much. */
export type FeesDecision =
  | { readonly action: 'withdraw'; readonly amountWei: bigint }
  | {
      readonly action: 'leave';
      readonly reason:
        | 'off'
        | 'no_key'
        | 'paused'
        | 'round_not_initialized'
        | 'below_threshold'
        | 'reward_first';
    };

/**
 * All fees once they reach the threshold; in an active round only after its reward call, since
 * withdrawing claims earnings and would lose a share of that reward.
 */
export function decideWithdrawFees(
  standing: Pick<
    Standing,
    'pendingFees' | 'paused' | 'roundInitialized' | 'active' | 'lastRewardRound' | 'round'
  >,
  rule: DutyRules['withdrawFees'],
  hasKey: boolean,
): FeesDecision {
  const leave = (reason: Extract<FeesDecision, { action: 'leave' }>['reason']) =>
    ({ action: 'leave', reason }) as const;
  if (!rule) return leave('off');
  if (!hasKey) return leave('no_key');
  const { pendingFees } = standing;
  if (pendingFees === 0n || pendingFees < rule.thresholdWei) return leave('below_threshold');
  if (standing.paused) return leave('paused');
  if (!standing.roundInitialized) return leave('round_not_initialized');
  if (standing.active && standing.lastRewardRound < standing.round) return leave('reward_first');
  return { action: 'withdraw', amountWei: pendingFees };
}

/** Withdraws fees by the rule, at most once in a round. */
export function startWithdrawingFees(
  parts: DutyParts & { readonly rules: Pick<DutyRules, 'withdrawFees'>; readonly look: Look },
): { close(): void } {
  const { rules, look, transactions } = parts;
  let doneIn: bigint | undefined;

  async function consider({ standing }: Seen): Promise<void> {
    const rule = rules.withdrawFees;
    const decision = decideWithdrawFees(standing, rule, transactions.orchestrator !== undefined);
    if (!rule || decision.action !== 'withdraw' || doneIn === standing.round) return;
    doneIn = standing.round;
    const { amountWei } = decision;
    const outcome = await callOnce(parts, 'withdraw_fees', {
      id: `withdraw-fees:${standing.round}`,
      call: withdrawFeesCall(rule.recipient, amountWei),
      worthWei: amountWei,
    });
    if (outcome === 'unavailable') doneIn = undefined;
  }

  const stop = look.onSeen((seen) => void consider(seen));
  const seen = look.seen();
  if (seen) void consider(seen);
  return { close: stop };
}
