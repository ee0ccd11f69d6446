/** What a page asks of the worker script that checks epochs. */
export interface CheckRequest {
  /** Where the published files are: `https://pool.example/proofs/`. */
  readonly base: string;
  readonly epoch: string;
}

/** What it says while it works, and at the end. */
export type CheckMessage =
  | { readonly kind: 'step'; readonly text: string }
  | { readonly kind: 'held'; readonly hashes: number; readonly notes: readonly string[] }
  | { readonly kind: 'broken'; readonly text: string }
  /** Nobody's fraud: a file could not be fetched. */
  | { readonly kind: 'failed'; readonly text: string };
