import type { HourSeen } from './hours.ts';
import type { Orchestrator } from './orchestrator.ts';
import { noProofs, type ProofsState } from './proofs.ts';
import type { Seed } from './seeds.ts';

/** Something that is not as it should be, since when; in words without a full stop. */
export interface Trouble {
  readonly fault: string;
  readonly text: string;
  /** Milliseconds since 1970, like every moment here. */
  readonly since: number;
}

/** What the chain said of the orchestrator that a manifest names. */
export type ChainSeen =
  | { readonly kind: 'seen'; readonly orchestrator: Orchestrator; readonly at: number }
  /** The manifest is of a chain that this directory does not look at. */
  | { readonly kind: 'other_chain'; readonly chainId: string }
  | { readonly kind: 'not_read'; readonly at: number };

/** Everything that is kept of a pool; plain JSON, written whole after each look. */
export interface PoolRecord {
  readonly format: 'tributary-directory-1';
  readonly seed: Seed;
  readonly addedAt: number;
  /** Null: not looked at yet. */
  readonly lookedAt: number | null;
  /** The newest manifest that was in order, as it was signed. */
  readonly manifest: { readonly text: string; readonly at: number } | null;
  /** Why there was no manifest in the newest look, or why it was refused. */
  readonly trouble: (Trouble & { readonly kind: 'unreachable' | 'refused' }) | null;
  /** Every version of the terms that a manifest named: what a pool replaces is noticed. */
  readonly terms: readonly {
    readonly version: number;
    readonly digest: string;
    readonly at: number;
  }[];
  readonly termsTrouble: Trouble | null;
  readonly chain: ChainSeen | null;
  /** Whether a TLS handshake with the service URI succeeded in the newest look. */
  readonly service: boolean | null;
  readonly proofs: ProofsState;
  readonly proofsAt: number | null;
  /** The proofs could not be read, which says nothing of what they are. */
  readonly proofsTrouble: Trouble | null;
  readonly hours: readonly HourSeen[];
}

/** A pool of the seed list that nobody has looked at yet. */
export function newRecord(seed: Seed, now: number): PoolRecord {
  return {
    format: 'tributary-directory-1',
    seed,
    addedAt: now,
    lookedAt: null,
    manifest: null,
    trouble: null,
    terms: [],
    termsTrouble: null,
    chain: null,
    service: null,
    proofs: noProofs,
    proofsAt: null,
    proofsTrouble: null,
    hours: [],
  };
}

/** The same trouble as before goes on since then; another one begins now. */
export function troubleSince(
  before: Trouble | null,
  { fault, text }: { readonly fault: string; readonly text: string },
  now: number,
): Trouble {
  return { fault, text, since: before?.fault === fault ? before.since : now };
}
