import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import { disputeLogHead } from '../ledger/disputes-store.ts';
import { toHex } from '../proofs/bytes.ts';
import { digestOf } from '../proofs/canonical.ts';
import { epochStatement, namedAmounts } from '../proofs/epoch-proofs.ts';
import { type EpochHead, parseTerms, writeFile } from '../proofs/files.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { PoolIdentity, Statement } from '../proofs/statement.ts';
import type { TermsBook } from './close.ts';
import { appendHistory, headCovering } from './history.ts';
import { readInput, readKept } from './input-json.ts';
import { addRecord, type EpochRecord, recordOf, recoveredAt, unrecorded } from './record-store.ts';
import { type EpochResult, epochWorkers, resultOf } from './store.ts';
import { assetsOfEpoch, treeOf } from './tree.ts';

/** Stands where there is nothing to name by a hash. */
const NOTHING = '0'.repeat(64);

/** What the records of epochs stand on. */
export interface RecordingParts {
  readonly database: Database;
  readonly hashing: ProofHashing;
  readonly terms: TermsBook;
  /** Who the pool is: on chain the same account for ever. */
  readonly identity: PoolIdentity;
  /** Signs with the receipt key in use. */
  sign(
    identity: PoolIdentity,
    statement: Statement,
  ): Promise<{ readonly key: Uint8Array; readonly signature: Uint8Array }>;
}

/**
 * Signs the record of every closed epoch that has none, oldest first: what it came to, what it was
 * settled by, the epoch before, and the history of receipts. Stops at one whose receipts are not all
 * in the history yet. Two nodes make one record between them.
 *
 * @returns the epochs that have a record now and had none
 */
export async function recordEpochs(parts: RecordingParts): Promise<readonly bigint[]> {
  const recorded: bigint[] = [];
  for (const epoch of await unrecorded(parts.database)) {
    await appendHistory(parts);
    const head = await makeHead(parts, epoch);
    if (!head) break;
    const { key, signature } = await parts.sign(
      parts.identity,
      epochStatement(head, parts.hashing),
    );
    await addRecord(parts.database, { epoch, head: writeFile(head), key, signature });
    crashPoint('epoch_recorded');
    recorded.push(epoch);
  }
  return recorded;
}

async function makeHead(parts: RecordingParts, epoch: bigint): Promise<EpochHead | undefined> {
  const { database, hashing, terms, identity } = parts;
  const history = await headCovering(parts, epoch);
  if (!history) return undefined;
  const result = await resultOf(database, epoch);
  if (!result) throw new TributaryError('internal', 'a closed epoch has no result');
  const input = readInput(result.input);
  const rule = await terms.of(input.termsVersion);
  const { commission, dust } = readKept(result.settlement);
  const { tree, assets } = await storedTree(parts, result);
  const previous = await recordOf(database, epoch - 1n);
  const disputes = await disputeLogHead(database);
  const recovered = await recoveredAt(database, epoch);
  return {
    format: 'tributary-epoch-1',
    pool: `0x${toHex(identity.pool)}`,
    chainId: identity.chainId,
    epoch,
    period: rule.epoch.period,
    opensAt: input.opensAt,
    closesAt: input.closesAt,
    terms: { version: rule.version, digest: await termsDigest(parts, rule.version) },
    previous: previous ? textDigest(previous.head, hashing) : NOTHING,
    privacy: rule.privacy,
    assets,
    leaves: tree.count,
    root: toHex(result.root),
    totals: { units: tree.root.units, amounts: namedAmounts(tree.root.amounts, assets) },
    income: input.income,
    commission,
    dust,
    input: textDigest(result.input, hashing),
    settlement: textDigest(result.settlement, hashing),
    history: { size: BigInt(history.size), root: toHex(history.root) },
    ...(disputes.size === 0 ? {} : { disputes }),
    ...(recovered === undefined ? {} : { recovered: Math.floor(recovered) }),
  };
}

/** Of the terms in the published file; zeros for what holds where none were published. */
async function termsDigest({ terms, hashing }: RecordingParts, version: number): Promise<string> {
  if (version === 0) return NOTHING;
  const parsed = parseTerms(await terms.file(version));
  if (!parsed.ok) throw new TributaryError('internal', `stored terms do not read: ${parsed.text}`);
  return toHex(digestOf(parsed.file.terms, hashing));
}

/** The tree of a stored result; throws `internal` when its rows do not come to its root. */
export async function storedTree(
  { database, hashing }: Pick<RecordingParts, 'database' | 'hashing'>,
  { epoch, root }: Pick<EpochResult, 'epoch' | 'root'>,
) {
  const workers = await epochWorkers(database, epoch);
  const salts = new Map(workers.flatMap(({ worker, salt }) => (salt ? [[worker, salt]] : [])));
  const tree = treeOf(workers, hashing, salts);
  if (toHex(tree.root.hash) !== toHex(root)) {
    throw new TributaryError('internal', 'the stored workers of an epoch do not come to its root');
  }
  return { tree, workers, assets: assetsOfEpoch(workers) };
}

const utf8 = new TextEncoder();

function textDigest(text: string, hashing: ProofHashing): string {
  return toHex(hashing.sha256(utf8.encode(text)));
}

/** The digest by which index and next record name a record. */
export function recordDigest({ head }: EpochRecord, hashing: ProofHashing): string {
  return textDigest(head, hashing);
}
