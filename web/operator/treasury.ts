import type { AmountView } from '../parts/amount.tsx';
import type { PayoutStatus } from './api-views.ts';

/** Wei, as an amount; nothing when it is not known. */
export function wei(amount: unknown): AmountView {
  return { asset: 'ETH', amount: String(amount ?? 0), decimals: 18 };
}

/** LPT in units of 10^-18. */
export function lpt(amount: string): AmountView {
  return { asset: 'LPT', amount, decimals: 18 };
}

/** The figures of one asset. */
export function inAsset(
  assets: PayoutStatus['assets'],
  asset: string,
): PayoutStatus['assets'][number] | undefined {
  return assets.find((one) => one.asset === asset);
}
