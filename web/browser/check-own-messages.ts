import type { AmountView } from '../parts/amount.tsx';

/** What a page asks of the worker script that checks somebody's own pay. */
export interface OwnCheckRequest {
  /** `https://pool.example`. */
  readonly origin: string;
  /** The id of the worker. */
  readonly worker: string;
  /** Decimals by asset, to say amounts. */
  readonly decimals: Readonly<Record<string, number>>;
}

/** An epoch in which everything held. */
export interface OwnEpoch {
  readonly epoch: string;
  readonly receipts: number;
  readonly owed: readonly AmountView[];
}

/** What it says while it works, and at the end. */
export type OwnCheckMessage =
  | { readonly kind: 'step'; readonly text: string }
  | {
      readonly kind: 'held';
      readonly hashes: number;
      readonly epochs: readonly OwnEpoch[];
      readonly notes: readonly string[];
    }
  | { readonly kind: 'broken'; readonly text: string; readonly epochs: readonly OwnEpoch[] }
  /** Nobody's fraud: something could not be fetched. */
  | { readonly kind: 'failed'; readonly text: string };
