import type { AmountView } from '../parts/amount.tsx';

/** Amounts of one asset added up; nothing is left out that is not zero. */
export function sum(amounts: readonly AmountView[]): readonly AmountView[] {
  const byAsset = Map.groupBy(amounts, ({ asset }) => asset);
  return [...byAsset.values()].flatMap((same) => {
    const total = same.reduce((all, { amount }) => all + BigInt(amount), 0n);
    const [first] = same;
    return first && total !== 0n ? [{ ...first, amount: String(total) }] : [];
  });
}
