import { showCount } from '../../src/base/figures.ts';
import { Amounts, type AmountView } from '../parts/amount.tsx';
import { sum } from './sums.ts';

/** What machines did in the open epoch, as the progress and the live values have it. */
interface Worked {
  readonly jobs: number;
  readonly earned: AmountView | null;
}

export function earnedLabel(epoch: string): string {
  return `Earned in epoch ${epoch} so far`;
}

/** What machines earned in the open epoch so far; counted, where receipts name no amount. */
export function Earned({ of }: { readonly of: readonly Worked[] }) {
  const amounts = sum(of.flatMap(({ earned }) => earned ?? []));
  if (amounts.length > 0) return <Amounts of={amounts} href="/worker/earnings" />;
  const jobs = of.reduce((total, one) => total + one.jobs, 0);
  return (
    <a href="/worker/earnings">
      {jobs === 0 ? 'nothing yet' : `${showCount(jobs)} segment${jobs === 1 ? '' : 's'}`}
    </a>
  );
}
