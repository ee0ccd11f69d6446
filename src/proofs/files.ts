import type { AssetId } from '../base/asset.ts';
import { type CanonicalValue, canonicalJson, parseCanonicalJson } from './canonical.ts';
import { ASSETS_MAX } from './merkle-sum.ts';
import {
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
  textLike,
} from './read-json.ts';

// What a pool publishes, each file canonical JSON of one object:
//   index.json                         who the pool is, its receipt keys, its epochs
//   terms/<version>.json               the terms and the signature over them
//   epoch-<n>/epoch.json               the head of an epoch, signed: everything else hangs on it
//   epoch-<n>/input.json               what the epoch was settled by (epochs/input-json.ts)
//   epoch-<n>/leaves.json              every leaf of its tree; of a private pool, in its place
//   epoch-<n>/paths/<worker>.json      one leaf with its salt and path
//   epoch-<n>/history.json             that the history of receipts goes on from the epoch before
//   disputes.jsonl                     what happened in disputes, without names (dispute-log.ts)
//   epoch-<n>/payouts.json             what was paid since
// Hashes and keys are lower-case hex without prefix, addresses and transactions with 0x.

/** Characters of a file at most: a pool of 10^5 workers has leaves of some 40 MB. */
const LIMITS = {
  index: 8 * 1024 * 1024,
  terms: 1024 * 1024,
  head: 64 * 1024,
  leaves: 256 * 1024 * 1024,
  path: 128 * 1024,
  history: 1024 * 1024,
  payouts: 256 * 1024 * 1024,
} as const;
/** Siblings on a path: a tree of 2^40 leaves. */
const SIBLINGS_MAX = 40;
/** Hashes of a consistency proof between trees of 2^53 leaves. */
const HISTORY_PROOF_MAX = 54;

const address = textLike(/^0x[0-9a-f]{40}$/, '0x and 40 hex digits in lower case');
const hash = textLike(/^[0-9a-f]{64}$/, '64 hex digits in lower case');
const signature = textLike(/^[0-9a-f]{128}$/, '128 hex digits in lower case');
const accountSignature = textLike(/^[0-9a-f]{130}$/, '130 hex digits in lower case');
const worker = textLike(/^[a-z2-7]{10}$/, 'the id of a worker');
const asset: Read<AssetId> = textLike(/^[A-Z][A-Z0-9]{0,11}$/, 'the symbol of an asset');
/** What 8 bytes hold in receipts and trees. */
const long = below(2n ** 64n);
/** What 16 bytes hold. */
const quantity = below(2n ** 128n);
const amounts = recordOf(asset, quantity);
const balances = recordOf(asset, objectOf({ epoch: quantity, cumulative: quantity }));

function below(end: bigint): Read<bigint> {
  return (value, place) => {
    const read = count(value, place);
    if (read < end) return read;
    throw new NotReadable(`${place} must be below ${end}`);
  };
}

const indexFile = objectOf({
  format: oneOf(['tributary-proofs-1'] as const),
  pool: address,
  chainId: long,
  /** Whose EIP-712 signature is under keys and terms; the pool itself, unless its key is cold. */
  account: optional(address),
  keys: listOf(
    objectOf({
      version: long,
      key: hash,
      /** Of the statement `receipt_key` with this version and the key as digest; none off-chain. */
      endorsement: optional(accountSignature),
    }),
  ),
  /** In order, without a gap; the digest is that of the head. */
  epochs: listOf(objectOf({ epoch: long, digest: hash })),
});
/** index.json */
export type IndexFile = ReturnType<typeof indexFile>;

const epochHead = objectOf({
  format: oneOf(['tributary-epoch-1'] as const),
  pool: address,
  chainId: long,
  epoch: long,
  period: oneOf(['round', 'day', 'week'] as const),
  opensAt: integer,
  closesAt: integer,
  terms: objectOf({ version: integer, digest: hash }),
  /** Digest of the head of the epoch before; zeros for the first. */
  previous: hash,
  privacy: oneOf(['public', 'private'] as const),
  /** In the order of the tree: by symbol. */
  assets: listOf(asset),
  leaves: integer,
  root: hash,
  /** The sums of the root. */
  totals: objectOf({ units: quantity, amounts: balances }),
  income: amounts,
  commission: amounts,
  dust: amounts,
  /** SHA-256 of input.json, and of the settlement that comes out of it. */
  input: hash,
  settlement: hash,
  /** Of all receipts up to the end of the epoch. */
  history: objectOf({ size: long, root: hash }),
  /** Lines of disputes.jsonl when the record was made, and the hash of the last; none: left out. */
  disputes: optional(objectOf({ size: integer, hash })),
  /**
   * Milliseconds since 1970: the books of this epoch were brought back from a backup then, and this
   * record stands for any that was published of it before.
   */
  recovered: optional(integer),
});
/** What is hashed and signed of an epoch. */
export type EpochHead = ReturnType<typeof epochHead>;

const signedEpoch = objectOf({
  head: epochHead,
  /** The receipt key that signed the statement `epoch`, by Ed25519. */
  key: hash,
  signature,
});
/** epoch-<n>/epoch.json */
export type SignedEpoch = ReturnType<typeof signedEpoch>;

const leafShape = {
  units: quantity,
  amounts: balances,
  lastSequence: long,
  lastReceipt: hash,
} as const;
const leaf = objectOf({ worker, ...leafShape });
/** A worker's leaf with its name. */
export type FileLeaf = ReturnType<typeof leaf>;

const leavesFile = objectOf({
  format: oneOf(['tributary-leaves-1'] as const),
  epoch: long,
  /** By id. */
  leaves: listOf(leaf),
});
/** epoch-<n>/leaves.json */
export type LeavesFile = ReturnType<typeof leavesFile>;

const pathFile = objectOf({
  format: oneOf(['tributary-path-1'] as const),
  epoch: long,
  leaf,
  /** Of a private leaf. */
  salt: optional(hash),
  index: integer,
  count: integer,
  siblings: listOf(objectOf({ hash, units: quantity, amounts: balances })),
});
/** epoch-<n>/paths/<worker>.json */
export type PathFile = ReturnType<typeof pathFile>;

const historyFile = objectOf({
  format: oneOf(['tributary-history-1'] as const),
  epoch: long,
  before: objectOf({ size: long, root: hash }),
  after: objectOf({ size: long, root: hash }),
  proof: listOf(hash),
  /**
   * The tiles at the right edge of `after` (history-tiles.ts), lowest level first: with them a pool that
   * lost its receipts goes on with the same history.
   */
  edge: optional(listOf(objectOf({ level: integer, index: integer, hashes: listOf(hash) }))),
});
/** epoch-<n>/history.json */
export type HistoryFile = ReturnType<typeof historyFile>;

const payoutsFile = objectOf({
  format: oneOf(['tributary-payouts-1'] as const),
  epoch: long,
  payouts: listOf(
    objectOf({
      id: textLike(/^[!-~]{1,80}$/, 'the id of a payout'),
      /** The worker, or the id of its private leaf. */
      worker: textLike(/^(?:[a-z2-7]{10}|[0-9a-f]{64})$/, 'a worker or its salted id'),
      asset,
      amount: quantity,
      /** What of the worker's credit it was for; left out where that is the amount itself. */
      for: optional(listOf(objectOf({ asset, amount: quantity }))),
      /** Milliseconds since 1970. */
      at: integer,
      /** On chain: who got it, and by which transaction. */
      to: optional(address),
      transaction: optional(textLike(/^0x[0-9a-f]{64}$/, 'the hash of a transaction')),
      /** Elsewhere: what the bank calls it. */
      reference: optional(textLike(/^[ -~]{1,140}$/, 'a reference of at most 140 characters')),
    }),
  ),
});
/** epoch-<n>/payouts.json */
export type PayoutsFile = ReturnType<typeof payoutsFile>;

const anything: Read<CanonicalValue> = (value) => value as CanonicalValue;
const termsFile = objectOf({
  format: oneOf(['tributary-terms-1'] as const),
  version: integer,
  /** The terms, as src/terms writes them. */
  terms: anything,
  /** EIP-712, of the statement `terms` with this version and the digest of `terms`. */
  accountSignature: optional(accountSignature),
  /** Off-chain: Ed25519, of the same statement by a receipt key. */
  key: optional(hash),
  signature: optional(signature),
});
/** terms/<version>.json */
export type TermsFile = ReturnType<typeof termsFile>;

/** A file that reads, or the sentence that says what is wrong with it. */
export type Parsed<T> =
  | { readonly ok: true; readonly file: T }
  | { readonly ok: false; readonly text: string };

/** Any of the published files as text: canonical, so it is what is hashed. */
export function writeFile(
  file:
    | IndexFile
    | SignedEpoch
    | EpochHead
    | LeavesFile
    | PathFile
    | HistoryFile
    | PayoutsFile
    | TermsFile,
): string {
  return canonicalJson(plain(file));
}

/** The canonical value of a head: what {@link digestOf} hashes for the statement `epoch`. */
export function headValue(head: EpochHead): CanonicalValue {
  return plain(head);
}

function parser<T>(
  read: Read<T>,
  charactersMax: number,
  complaint: (file: T) => string | undefined = () => undefined,
): (text: string) => Parsed<T> {
  return (text) => {
    const value = parseCanonicalJson(text, charactersMax);
    if (value === undefined) {
      const isLong = text.length > charactersMax;
      const why = isLong ? `is longer than ${charactersMax} characters` : 'is not canonical JSON';
      return { ok: false, text: `the file ${why}` };
    }
    try {
      const file = read(value, '');
      const wrong = complaint(file);
      return wrong === undefined ? { ok: true, file } : { ok: false, text: wrong };
    } catch (error) {
      if (!(error instanceof NotReadable)) throw error;
      return { ok: false, text: error.message };
    }
  };
}

export const parseIndex = parser(indexFile, LIMITS.index, ({ epochs }) => {
  const gap = epochs.find(({ epoch }, at) => epoch !== (epochs[0]?.epoch ?? 0n) + BigInt(at));
  return gap && `the index goes on with epoch ${gap.epoch} out of order`;
});

export const parseSignedEpoch = parser(signedEpoch, LIMITS.head, ({ head }) => {
  const names = Object.keys(head.totals.amounts).sort();
  if (head.assets.length > ASSETS_MAX) return `the head names more than ${ASSETS_MAX} assets`;
  if (head.assets.join() !== [...new Set(head.assets)].sort().join()) {
    return 'the assets of the head are not in their order';
  }
  if (names.join() !== head.assets.join()) return 'the totals are not of the assets of the head';
  return head.leaves < 0 ? 'the head counts fewer than no leaves' : undefined;
});

export const parseLeaves = parser(leavesFile, LIMITS.leaves, ({ leaves }) => {
  const unsorted = leaves.find(({ worker: id }, at) => id <= (leaves[at - 1]?.worker ?? ''));
  return unsorted && `the leaf of ${unsorted.worker} is twice in the file or out of order`;
});

export const parsePath = parser(pathFile, LIMITS.path, ({ siblings }) =>
  siblings.length > SIBLINGS_MAX ? `a path has at most ${SIBLINGS_MAX} siblings` : undefined,
);

export const parseHistory = parser(historyFile, LIMITS.history, ({ proof }) =>
  proof.length > HISTORY_PROOF_MAX
    ? `a proof of the history has at most ${HISTORY_PROOF_MAX} hashes`
    : undefined,
);

export const parsePayouts = parser(payoutsFile, LIMITS.payouts, ({ payouts }) => {
  const ids = new Set<string>();
  const twice = payouts.find(({ id }) => ids.size === ids.add(id).size);
  return twice && `the payout ${twice.id} is twice in the file`;
});

export const parseTerms = parser(termsFile, LIMITS.terms);
