import type { Metrics } from '../base/metrics.ts';
import type { WaitReason, WriteOffReason } from '../payments/redemption.ts';
import type { WinnerTotals } from '../payments/winners-store.ts';

/** A claim on a ticket that brought nothing: not sent, or reverted. */
export type FailedTry = 'reverted' | 'not_sent';

const WEI_PER_ETH = 1e18;

/** Counts of the redemption of winning tickets. */
export function redemptionMetrics(metrics: Metrics, totals: () => WinnerTotals) {
  const ended = metrics.counter(
    'tributary_duties_tickets_ended_total',
    'Winning tickets that this program settled, by how: redeemed, or the reason of the write-off.',
    ['how'],
  );
  const failed = metrics.counter(
    'tributary_duties_redemptions_failed_total',
    'Winning tickets that went back into the queue, by what became of their transaction.',
    ['why'],
  );
  const waiting = metrics.gauge(
    'tributary_duties_tickets_waiting',
    'Winning tickets that wait in the queue, by what they wait for.',
    ['reason'],
  );
  const passes = metrics.counter(
    'tributary_duties_redemption_passes_failed_total',
    'Looks at the winning tickets that ended early: the database or the RPC providers were away.',
  );
  metrics.gauge(
    'tributary_duties_tickets_queued',
    'Winning tickets that are neither redeemed nor written off, of all nodes.',
    [],
    () => Number(totals().queued + totals().redeeming),
  );
  metrics.gauge(
    'tributary_duties_redeemed_eth',
    'What redeemed tickets brought since the database began, in ETH.',
    [],
    () => Number(totals().redeemedWei) / WEI_PER_ETH,
  );
  return {
    redeemed: () => ended.inc({ how: 'redeemed' }),
    writtenOff: (reason: WriteOffReason) => ended.inc({ how: reason }),
    failed: (why: FailedTry, count: number) => failed.inc({ why }, count),
    passFailed: () => passes.inc(),
    waiting(reasons: readonly WaitReason[]) {
      waiting.reset();
      for (const reason of reasons) waiting.inc({ reason });
    },
  };
}
