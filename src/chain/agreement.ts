import type { Hex } from 'viem';
import type { Receipt, View } from './journal-types.ts';

/** What one provider said; every answer but the head is as of a block that was asked for by number. */
export interface Reading {
  readonly chainId: number;
  /** Its newest block. */
  readonly head: bigint;
  /** Hashes of the block that was asked for, and of the final one. */
  readonly blockHash: Hex;
  readonly finalHash: Hex;
  /** Fees are its own opinion of the next block; nonces are facts. */
  readonly view: View;
  /** Receipts up to the block that was asked for. */
  readonly receipts: readonly Receipt[];
}

/** What is expected of all providers. */
export interface AgreementRules {
  readonly chainId: number;
  /** More blocks than this between the heads of two providers, and nothing is sent. */
  readonly headLagMax: bigint;
}

/** Why nothing may be sent on this; also the reason that the journal is paused with. */
export type Disagreement =
  | 'no_provider'
  | 'wrong_chain'
  | 'head_lag'
  | 'block_differs'
  | 'nonce_differs'
  | 'receipt_differs';

/**
 * One view out of the answers of several providers. Facts must be the same everywhere; of the fees
 * the middle one is taken, so that a single provider cannot drive them anywhere: of two the lower.
 * With one provider there is nothing to compare but the chain's id.
 */
export function agree(
  readings: readonly Reading[],
  rules: AgreementRules,
):
  | { readonly ok: true; readonly view: View; readonly receipts: readonly Receipt[] }
  | { readonly ok: false; readonly reason: Disagreement } {
  const [first] = readings;
  if (!first) return { ok: false, reason: 'no_provider' };
  const reason = disagreement(readings, first, rules);
  if (reason) return { ok: false, reason };
  const baseFeePerGas = middle(readings.map(({ view }) => view.baseFeePerGas));
  const priorityFeePerGas = middle(readings.map(({ view }) => view.priorityFeePerGas));
  const view = { ...first.view, baseFeePerGas, priorityFeePerGas };
  return { ok: true, view, receipts: first.receipts };
}

function disagreement(
  readings: readonly Reading[],
  first: Reading,
  { chainId, headLagMax }: AgreementRules,
): Disagreement | undefined {
  if (readings.some((reading) => reading.chainId !== chainId)) return 'wrong_chain';
  const heads = readings.map(({ head }) => head).sort((a, b) => (a < b ? -1 : 1));
  if ((heads.at(-1) ?? 0n) - (heads[0] ?? 0n) > headLagMax) return 'head_lag';
  const sameBlocks = ({ blockHash, finalHash }: Reading) =>
    blockHash === first.blockHash && finalHash === first.finalHash;
  if (!readings.every(sameBlocks)) return 'block_differs';
  const sameNonces = ({ view }: Reading) =>
    view.latestNonce === first.view.latestNonce && view.finalNonce === first.view.finalNonce;
  if (!readings.every(sameNonces)) return 'nonce_differs';
  const facts = receiptFacts(first);
  return readings.every((reading) => receiptFacts(reading) === facts)
    ? undefined
    : 'receipt_differs';
}

/** The same text for the same receipts, in whatever order they came. */
function receiptFacts({ receipts }: Reading): string {
  return receipts
    .map(({ hash, block, succeeded, final }) => `${hash} ${block} ${succeeded} ${final}`)
    .sort()
    .join();
}

function middle(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : 1));
  return sorted[(sorted.length - 1) >> 1] ?? 0n;
}
