import { showEth } from '../../base/amounts.ts';
import { quantile, showCount, showMs, showPixels } from '../../base/figures.ts';
import type { SegmentOutcome } from './gateway.ts';
import { type PaymentReport, wholeWei } from './paying.ts';

/** What a run has to say, so far or at its end. */
export interface Summary {
  readonly segments: number;
  readonly failed: number;
  /** Segments that came back after more than one attempt of ours. */
  readonly retried: number;
  /** Milliseconds from the end of a segment to its last rendition. */
  readonly addedMs: { readonly p50: number; readonly p99: number } | undefined;
  /** Over all renditions, counted here. */
  readonly pixels: bigint;
}

/** Adds up outcomes. */
export interface Tally {
  /** `addedMs` counts from when the segment was complete, our own queue included. */
  add(outcome: SegmentOutcome, addedMs: number): void;
  summary(): Summary;
}

/** Keeps every latency: a stream of a day is 43,200 segments of 2 s, about 350 KB. */
export function createTally(): Tally {
  const latencies: number[] = [];
  let failed = 0;
  let retried = 0;
  let pixels = 0n;
  return {
    add(outcome, addedMs) {
      if (!outcome.ok) {
        failed += 1;
        return;
      }
      latencies.push(addedMs);
      pixels += outcome.pixels;
      if (outcome.attempts > 1) retried += 1;
    },
    summary: () => ({
      segments: latencies.length + failed,
      failed,
      retried,
      addedMs:
        latencies.length === 0
          ? undefined
          : { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
      pixels,
    }),
  };
}

/** `12 segments came back, none failed.` */
export function outcomeText({ segments, failed, retried }: Summary): string {
  const count = `${showCount(segments)} ${segments === 1 ? 'segment' : 'segments'}`;
  if (segments === 0) return 'No segment was sent.';
  if (failed > 0) return `${showCount(failed)} of ${count} failed.`;
  return `${count} came back, none failed${retried > 0 ? `; ${showCount(retried)} at the second try or later` : ''}.`;
}

/** `added p50 1.21 s · p99 1.80 s` */
export function latencyText({ addedMs }: Summary): string {
  return addedMs
    ? `added p50 ${showMs(addedMs.p50)} · p99 ${showMs(addedMs.p99)}`
    : 'none measured yet';
}

/** `12 tickets, worth 0.0001 ETH on average, for fees of 90,000 gwei; 0.1 ETH of deposit left.` */
export function paidText({
  tickets,
  expectedValue,
  fees,
  deposit,
  reserve,
}: PaymentReport): string {
  const worth = `worth ${showEth(wholeWei(expectedValue))} on average`;
  const left = `${showEth(deposit)} of deposit and ${showEth(reserve)} of reserve left`;
  const count = `${showCount(tickets)} ${tickets === 1 ? 'ticket' : 'tickets'}`;
  return `${count}, ${worth}, for fees of ${showEth(wholeWei(fees))}; ${left}`;
}

/** The same for programs: whole wei, rounded down. */
export function paidFigures({ tickets, expectedValue, fees, deposit, reserve }: PaymentReport) {
  return {
    tickets,
    expectedValueWei: wholeWei(expectedValue),
    feesWei: wholeWei(fees),
    depositWei: deposit,
    reserveWei: reserve,
  };
}

/** One line while it runs. */
export function progressText(summary: Summary, inFlight: number): string {
  const { segments, failed, pixels } = summary;
  return [
    `${showCount(segments - failed)} ${segments - failed === 1 ? 'segment' : 'segments'} back`,
    `${inFlight} in flight`,
    `${showCount(failed)} failed`,
    latencyText(summary),
    showPixels(pixels),
  ].join(' · ');
}
