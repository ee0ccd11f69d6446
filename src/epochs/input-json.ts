import type { AssetId } from '../base/asset.ts';
import { canonicalJson, parseCanonicalJson } from '../proofs/canonical.ts';
import {
  bigint,
  count,
  integer,
  listOf,
  NotReadable,
  objectOf,
  oneOf,
  optional,
  plain,
  type Read,
  recordOf,
  text,
  textLike,
} from '../proofs/read-json.ts';
import type { EpochInput, Settlement } from '../terms/settle-types.ts';

const asset: Read<AssetId> = textLike(/^[A-Z][A-Z0-9]{0,11}$/, 'the symbol of an asset');
const worker = textLike(/^[a-z2-7]{10}$/, 'the id of a worker');
const hash = textLike(/^[0-9a-f]{64}$/, '64 hex digits');
const transaction = textLike(/^0x[0-9a-f]{64}$/, 'the hash of a transaction');
const amounts = recordOf(asset, count);

const workerInput = objectOf({
  worker,
  group: text,
  jobs: count,
  units: count,
  sourceMs: count,
  deviceMs: count,
  grossFee: amounts,
  failedAttempts: count,
  failedChecks: count,
  onlineMs: count,
  promisedMs: count,
  facts: objectOf({
    hardwareClass: optional(text),
    region: optional(text),
    speedPercentile: optional(integer),
    memberSinceEpoch: optional(count),
  }),
  evidence: listOf(objectOf({ id: text, kind: text, value: text })),
  cumulative: amounts,
  lastSequence: count,
  lastReceiptHash: hash,
  window: optional(listOf(objectOf({ epoch: count, units: count }))),
  releases: optional(listOf(objectOf({ epoch: count, asset, amount: count }))),
  awards: optional(listOf(objectOf({ dispute: text, asset, amount: count }))),
  refunds: optional(listOf(objectOf({ id: text, asset, amount: count }))),
});

const epochInput = objectOf({
  epoch: count,
  opensAt: integer,
  closesAt: integer,
  termsVersion: integer,
  income: amounts,
  incomeLines: listOf(
    objectOf({
      kind: oneOf([
        'tickets_credited',
        'tickets_redeemed',
        'reward',
        'refund',
        'gas',
        'other',
      ] as const),
      asset,
      amount: bigint,
      transactions: listOf(transaction),
    }),
  ),
  carried: amounts,
  reserve: optional(recordOf(asset, bigint)),
  workers: listOf(workerInput),
});

/** The one text of an input: what is stored, published and hashed. */
export function writeInput(input: EpochInput): string {
  return canonicalJson(plain(input));
}

/** The one text of a settlement. */
export function writeSettlement(settlement: Settlement): string {
  return canonicalJson(plain(settlement));
}

/** Reads {@link writeInput}. Throws {@link NotReadable} with the place of what is wrong. */
export function readInput(json: string): EpochInput {
  const value = parseCanonicalJson(json);
  if (value === undefined) throw new NotReadable('the file is not canonical JSON');
  return epochInput(value, '');
}

/** What a stored settlement says that the pool keeps and carries on. */
export function readKept(json: string): Pick<Settlement, 'commission' | 'dust'> {
  const { commission, dust } = JSON.parse(json) as Record<string, unknown>;
  return { commission: amounts(commission, 'commission'), dust: amounts(dust, 'dust') };
}
