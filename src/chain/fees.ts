/** Nodes take a replacement from 10 % more on (geth, txpool.pricebump); some ask for 12.5 %. */
const BUMP_NUMERATOR = 9n;
const BUMP_DENOMINATOR = 8n;
/** The base fee may double, six full blocks in a row, before a transaction has to be replaced. */
const BASE_FEE_HEADROOM = 2n;

/** What a block asks for now, in wei per gas. */
export interface Market {
  readonly baseFeePerGas: bigint;
  readonly priorityFeePerGas: bigint;
}

/** EIP-1559 fees of a transaction, in wei per gas. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** What may be spent on gas. */
export interface FeeLimits {
  /** Never more than this, in wei per gas. */
  readonly maxFeePerGas: bigint;
  /** Never more than this share of what a transaction is worth. */
  readonly worthShare: { readonly numerator: bigint; readonly denominator: bigint };
}

/** What is to be paid for. */
export interface Work {
  readonly gasLimit: bigint;
  /** Wei that it brings in or moves; undefined where only the absolute limit counts. */
  readonly worthWei: bigint | undefined;
}

/** The most that may be paid per gas for this work: all its gas at that price is within the share. */
export function feeCeiling(work: Work, limits: FeeLimits): bigint {
  if (work.worthWei === undefined) return limits.maxFeePerGas;
  const { numerator, denominator } = limits.worthShare;
  const byWorth = (work.worthWei * numerator) / (denominator * work.gasLimit);
  return min(byWorth, limits.maxFeePerGas);
}

/**
 * Fees for a new transaction; `above_ceiling` when what blocks ask for now is more than may be
 * paid.
 */
export function feesFor(
  work: Work,
  market: Market,
  limits: FeeLimits,
): ({ readonly ok: true } & Fees) | { readonly ok: false; readonly reason: 'above_ceiling' } {
  return within(market, feeCeiling(work, limits), { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n });
}

/** Fees that let a transaction take the place of one with the same nonce. */
export function replacementFees(
  work: Work,
  replaced: Fees,
  market: Market,
  limits: FeeLimits,
): ReturnType<typeof feesFor> {
  return within(market, feeCeiling(work, limits), {
    maxFeePerGas: bumped(replaced.maxFeePerGas),
    maxPriorityFeePerGas: bumped(replaced.maxPriorityFeePerGas),
  });
}

function within(market: Market, ceiling: bigint, least: Fees): ReturnType<typeof feesFor> {
  const tip = max(market.priorityFeePerGas, least.maxPriorityFeePerGas);
  const needed = max(market.baseFeePerGas + tip, least.maxFeePerGas);
  if (needed > ceiling) return { ok: false, reason: 'above_ceiling' };
  const wanted = max(BASE_FEE_HEADROOM * market.baseFeePerGas + tip, least.maxFeePerGas);
  return { ok: true, maxFeePerGas: min(wanted, ceiling), maxPriorityFeePerGas: tip };
}

/** More than 10 % more, also of nothing. */
function bumped(fee: bigint): bigint {
  return (fee * BUMP_NUMERATOR) / BUMP_DENOMINATOR + 1n;
}

function min(a: bigint, b: bigint): bigint {
  return a > b ? b : a;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
