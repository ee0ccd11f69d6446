import type { AssetId } from '../base/asset.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Difference } from './reconcile.ts';
import type { AssetFigures } from './solvency.ts';

const KINDS: readonly Difference['what'][] = ['ledger', 'chain', 'receipts', 'payouts'];

/** Figures of this folder. */
export function payoutsMetrics(metrics: Metrics) {
  const differences = metrics.gauge(
    'tributary_payouts_differences',
    'Differences between books that stood at two looks in a row, by what was compared.',
    ['what'],
  );
  const notCompared = metrics.gauge(
    'tributary_payouts_not_compared',
    '1 while the last look could not compare books and chain, else 0.',
  );
  const coverage = metrics.gauge(
    'tributary_payouts_coverage_ratio',
    'What the pool has on hand for each unit that it owes, by asset; below 1 its payouts wait.',
    ['asset'],
  );
  return {
    compared(standing: readonly Difference[], isWhole: boolean) {
      for (const what of KINDS) {
        differences.set({ what }, standing.filter((one) => one.what === what).length);
      }
      notCompared.set(isWhole ? 0 : 1);
    },
    /** Nothing is said of an asset of which nothing is owed. */
    covered(figures: readonly AssetFigures[], counts: (asset: AssetId) => boolean) {
      coverage.reset();
      for (const { asset, ratioBasisPoints } of figures) {
        if (ratioBasisPoints === undefined || !counts(asset)) continue;
        coverage.set({ asset }, Number(ratioBasisPoints) / 10_000);
      }
    },
  };
}
