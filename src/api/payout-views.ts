import { z } from 'zod';
import type { ChoicesView } from '../payouts/choices.ts';
import type { StoredBatch, StoredPayout } from '../payouts/store.ts';
import { decimal } from './shapes.ts';

/** A payout with the fields of its state. Instants are in milliseconds since 1970. */
export const payoutShape = z.looseObject({
  id: z.string(),
  worker: z.string(),
  asset: z.string(),
  amount: decimal,
  state: z.string(),
  createdAt: z.number(),
});
export const batchShape = z.object({
  id: z.string(),
  method: z.string(),
  asset: z.string(),
  digest: z.string(),
  payouts: z.array(payoutShape),
});
export const assetFigures = z.object({
  asset: z.string(),
  won: decimal,
  bonding: decimal,
  treasury: decimal,
  onHand: decimal,
  owed: decimal,
  heldBack: decimal,
  inFlight: decimal,
  obligations: decimal,
  ratioBasisPoints: decimal.optional(),
  solvent: z.boolean(),
});
export const decimalsShape = z
  .record(z.string(), z.int())
  .describe('How many decimals the terms give each asset; others are in base units.');
export const solvencyShape = z.object({
  assets: z.array(assetFigures),
  tickets: z.looseObject({}).describe('What tickets are worth that are no money yet.'),
});
export const addressChange = z.object({
  worker: z.string(),
  nonce: decimal,
  oldAddress: z.string().optional(),
  newAddress: z.string(),
  askedBy: z.enum(['signatures', 'operator']),
  askedAt: z.number(),
  effectiveAt: z.number(),
  state: z.enum(['waiting', 'effective', 'stopped']),
});
export const preferenceShape = z.object({
  asset: z.string().optional(),
  threshold: decimal.optional(),
  fiatAccount: z.string().optional(),
});
/** What a worker chose, and the changes of its address. */
export const choicesShape = preferenceShape.extend({
  worker: z.string(),
  name: z.string(),
  address: z.string().optional(),
  nonce: decimal,
  changes: z.array(addressChange),
});
export const pauseShape = z.looseObject({ asset: z.string().optional() });
export const depositShape = z.object({ asset: z.string(), amount: decimal });
export const approverShape = z.looseObject({ name: z.string() });

export const stateShape = z.looseObject({ state: z.string() });

/** What a worker chose, as it is shown. */
export function choicesView({ changes, ...view }: ChoicesView) {
  return { ...view, changes: [...changes] };
}

/** Only what can be chosen. */
export function preferenceIn({ asset: wanted, threshold, fiatAccount }: ChoicesView) {
  return { asset: wanted, threshold, fiatAccount };
}

/** A batch as it is shown. */
export function batchView({ id, method, asset, digest, payouts }: StoredBatch) {
  return { id, method, asset, digest, payouts: payouts.map(payoutView) };
}

/** A payout as it is shown: its state's fields beside its own. */
export function payoutView({ state, ...payout }: StoredPayout) {
  return { ...payout, ...state };
}
