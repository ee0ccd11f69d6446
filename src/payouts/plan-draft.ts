import type { AssetId } from '../base/asset.ts';
import type { AssetKind } from '../terms/terms.ts';
import type { Candidate, HoldReason, PlanLine, PlanShare } from './plan-types.ts';

/** A payout before it is known how it leaves. */
export interface Draft {
  readonly candidate: Candidate;
  readonly asset: AssetId;
  readonly amount: bigint;
  readonly lines: readonly PlanLine[];
  /** Waited for so long that thresholds and fees do not count any more. */
  readonly overdue: boolean;
}

/** Why something waits. */
export interface Hold {
  readonly reason: HoldReason;
  readonly detail?: string;
}

/** Whole base units of the asset that it is paid in, rounded down; the rest stays with the pool. */
export function converted({ amount, quote }: PlanLine): bigint {
  return quote ? (amount * quote.numerator) / quote.denominator : amount;
}

/** A draft as it stands in a batch. */
export function shareOf(
  { candidate, amount, lines }: Draft,
  kind: AssetKind | undefined,
): PlanShare {
  const { worker, name, address, fiatAccount } = candidate;
  const fiat = kind?.kind === 'fiat';
  return {
    worker,
    name,
    to: fiat ? undefined : address,
    fiatAccount: fiat ? fiatAccount : undefined,
    amount,
    lines,
  };
}
