import type { AssetId } from '../../base/asset.ts';
import type { Multiplied } from '../multipliers.ts';
import type { Amounts, LineKind, WorkerInput } from '../settle-types.ts';
import type { ShareBasis, Terms } from '../terms.ts';

/** A worker with the product of the multipliers that fit it. */
export interface PotWorker {
  readonly input: WorkerInput;
  readonly multiplied: Multiplied;
}

/** The workers that are settled together, and what there is to share among them. */
export interface Pot {
  readonly terms: Terms;
  readonly epoch: bigint;
  /** By id. */
  readonly workers: readonly PotWorker[];
  readonly available: Amounts;
}

/** What one worker earned by one rule, before commission. */
export interface Credit {
  readonly worker: string;
  readonly kind: Extract<LineKind, 'work' | 'retainer' | 'points' | 'share_lpt'>;
  readonly asset: AssetId;
  readonly amount: bigint;
  /** Whether the pool's commission is taken from it; a fixed rate is what the worker gets. */
  readonly bearsCommission: boolean;
  /** Whether multipliers are in the amount, so that the statement shows what they did. */
  readonly isMultiplied: boolean;
  readonly units: bigint;
  readonly rate?: string;
  readonly text: string;
}

/** Per asset: available + drawn + issued = Σ credits + kept + left. */
export interface Credited {
  readonly credits: readonly Credit[];
  /** What the pool's reserve adds. */
  readonly drawn: Amounts;
  /** Points that came into being. */
  readonly issued: Amounts;
  /** What goes to the reserve. */
  readonly kept: Amounts;
  /** Remainders of divisions, and what nobody earned. */
  readonly left: Amounts;
}

/** A payout model: from what was done and what there is to what each worker is credited. */
export type Model<M> = (model: M, pot: Pot) => Credited;

/** What a worker did, by the basis that the terms share by. */
export function doneBy(basis: ShareBasis, input: WorkerInput): bigint {
  switch (basis) {
    case 'units':
      return input.units;
    case 'device_time':
      return input.deviceMs;
    case 'jobs':
      return input.jobs;
  }
}

/** The name of a basis in statements. */
export const basisText: Readonly<Record<ShareBasis, string>> = {
  units: 'units',
  device_time: 'ms of device time',
  jobs: 'jobs',
};
