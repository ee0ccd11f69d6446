import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { fromHex } from '../proofs/bytes.ts';
import type { EpochHead } from '../proofs/files.ts';
import type { PoolIdentity } from '../proofs/statement.ts';
import { readPublished } from '../terms/published.ts';
import { addTerms, termsVersions } from '../terms/store.ts';
import { addWorker, enrolledWorkers } from '../workers/store.ts';
import { Differs, takingOver } from './adopt-compare.ts';
import type { BroughtDisputes } from './adopt-disputes.ts';
import { type ListedPayout, listedPayouts } from './adopt-payouts.ts';
import { readHeld } from './adopt-read.ts';
import { recordDigest } from './record.ts';
import { allRecords } from './record-store.ts';
import { RECOVERY } from './recovery-files.ts';
import { readIndex } from './verify-files.ts';
import { type PublishedFiles, type VerifyParts, Wrong } from './verify-types.ts';
import { namesOf, type WorkersFile } from './verify-worker.ts';

/** A copy of what the pool published, that agrees with the books as far as they go. */
export interface PublishedCopy {
  /** The last epoch in it; 0: it has none. */
  readonly last: bigint;
  /** What was taken out of it into the books, in sentences. */
  readonly notes: readonly string[];
  /** Payouts since the last epoch that the books have; of somebody else's copy none, since nothing signs them. */
  readonly payouts: readonly ListedPayout[];
  /** Names and addresses of all workers, as they were last. */
  readonly workers: WorkersFile['workers'];
  /** Whether these are the pool's own, and not as they were published, which nothing signs. */
  readonly isOwn: boolean;
}

/**
 * Reads the index of a copy, holds it against the books, and takes terms and workers out of it that
 * came after the backup.
 *
 * @throws TributaryError `recovery_differs` when it is another pool's, does not hold, or has another
 *   record of an epoch than the books
 */
export async function openCopy(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly verify: VerifyParts;
  /** What the pool kept for itself: see recovery-files.ts. Undefined: nothing of it is at hand. */
  readonly kept: PublishedFiles | undefined;
  /** Whether the copy lies where the pool itself puts it: nobody else wrote what nothing signs in it. */
  readonly isPools: boolean;
  /** Hex of the receipt keys in the books: only what one of them signed is believed. */
  readonly keys: ReadonlySet<string>;
  readonly identity: PoolIdentity | undefined;
  readonly disputes: Pick<BroughtDisputes, 'check' | 'workers'>;
}): Promise<PublishedCopy> {
  try {
    return await open(parts);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw differs(`What the pool published and kept does not hold: ${error.message}.`, error);
  }
}

type Parts = Parameters<typeof openCopy>[0];

/**
 * What is known without any copy of what was published: workers, as the pool kept them for itself.
 *
 * @throws TributaryError `recovery_differs` when that was cut
 */
export async function openKept(
  parts: Pick<Parts, 'database' | 'kept' | 'disputes'>,
): Promise<Omit<PublishedCopy, 'last' | 'payouts'>> {
  const { kept } = parts;
  if (!kept) return { notes: [], workers: [], isOwn: false };
  try {
    // Where it has no names, nobody has.
    const { workers, isOwn } = await latestWorkers({ verify: { files: kept }, kept });
    const all = workers.map(({ worker }) => worker);
    const notes = await enrolAgain(parts, all, workers);
    return { notes: [...notes, ...(await bringDisputing(parts))], workers, isOwn };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw differs(`What the pool kept does not hold: ${error.message}.`, error);
  }
}

async function open(parts: Parts): Promise<PublishedCopy> {
  const { database, verify, identity, isPools } = parts;
  const index = await readIndex(verify);
  const pool = identity && `0x${Buffer.from(identity.pool).toString('hex')}`;
  if (identity && (index.pool !== pool || index.chainId !== identity.chainId)) {
    throw differs('The published copy is of another pool.');
  }
  const records = await allRecords(database);
  for (const record of records) {
    const named = index.epochs.find(({ epoch }) => epoch === record.epoch);
    if (named && named.digest !== recordDigest(record, verify.hashing)) {
      throw differs(`The published copy has another record of epoch ${record.epoch}.`);
    }
  }
  const known = records.at(-1)?.epoch ?? 0n;
  const later = index.epochs.filter(({ epoch }) => epoch > known);
  const notes: string[] = [];
  // All of it before anything is booked: whom the chain paid, only the workers of these epochs tell.
  const epochs: CheckedEpoch[] = [];
  for (const { epoch } of later) epochs.push(await takingOver(epoch, () => check(parts, epoch)));
  const { workers, isOwn } = await latestWorkers(parts);
  for (const one of epochs) {
    notes.push(...(await bringTerms(parts, one.head)));
    notes.push(...(await bringWorkers(parts, one, { workers, isOwn })));
  }
  const last = later.at(-1)?.epoch ?? known;
  const listed = { first: known > 0n ? known : 1n, last };
  const payouts = isPools ? await listedPayouts(parts, listed) : [];
  // Also who has done nothing yet. Workers are never forgotten, so the books lost them.
  const all = workers.map(({ worker }) => worker);
  if (isOwn) notes.push(...(await enrolAgain(parts, all, workers)));
  notes.push(...(await bringDisputing(parts)));
  return { last, notes, payouts, workers, isOwn };
}

/** Whose work an epoch is of that was held against what is signed. */
interface CheckedEpoch {
  readonly head: EpochHead;
  readonly workers: readonly string[];
}

/** Throws {@link Differs} unless the epoch holds, and the disputes that it names are at hand. */
async function check(parts: Parts, epoch: bigint): Promise<CheckedEpoch> {
  const { head, input } = await readHeld(parts, epoch);
  parts.disputes.check(head, input);
  return { head, workers: input.workers.map(({ worker }) => worker) };
}

async function bringTerms(
  { database, clock, verify }: Parts,
  { terms: { version, digest } }: EpochHead,
): Promise<readonly string[]> {
  const newest = (await termsVersions(database)).at(-1)?.version ?? 0;
  if (version <= newest) return [];
  const file = (await verify.files.read(`terms/${version}.json`)) ?? '';
  const read = readPublished(file, verify.hashing);
  if (!read.ok) return [];
  const startsAtEpoch = BigInt(read.published.document['starts-at-epoch']);
  await database.transact((tx) =>
    addTerms(tx, {
      ...{ version, startsAtEpoch, file, publishedAt: clock.now() },
      digest: fromHex(digest, 32) as Uint8Array,
    }),
  );
  return [`Version ${version} of the terms, published after the backup, is in the books again`];
}

/** Workers of an epoch who were enrolled after the backup. */
async function bringWorkers(
  parts: Parts,
  { head: { epoch, privacy }, workers: ids }: CheckedEpoch,
  { workers, isOwn }: Pick<PublishedCopy, 'workers' | 'isOwn'>,
): Promise<readonly string[]> {
  const notes = await enrolAgain(parts, ids, workers, () => {
    if (privacy !== 'private') return;
    const why = `does not have the names of all workers of epoch ${epoch}`;
    throw new Wrong('file_missing', `workers.json in ${RECOVERY} ${why}`);
  });
  if (isOwn || parts.isPools) return notes;
  return notes.map((note) => `${note}. Nothing signs its name and address: ask its owner`);
}

/** Who disputes something and did nothing else, where no names are at hand that the pool kept. */
function bringDisputing(parts: Pick<Parts, 'database' | 'disputes'>): Promise<readonly string[]> {
  return enrolAgain(parts, parts.disputes.workers, []);
}

/** By name and address, as the pool wrote them, without a secret; who is there already stays as it is. */
async function enrolAgain(
  { database }: Pick<Parts, 'database'>,
  ids: readonly string[],
  workers: WorkersFile['workers'],
  unnamed: () => void = () => undefined,
): Promise<readonly string[]> {
  const enrolled = (await enrolledWorkers(database)).map(({ worker }) => worker);
  const known = new Set<string>(enrolled.map(({ id }) => id));
  const lost = ids.filter((id) => !known.has(id));
  const names = new Map(workers.map((one) => [one.worker, one]));
  if (lost.some((id) => !names.has(id))) unnamed();
  const taken = new Set(
    enrolled.filter(({ state }) => state !== 'revoked').map(({ name }) => name.toLowerCase()),
  );
  const notes: string[] = [];
  for (const id of lost) {
    const one = names.get(id);
    // Somebody else may have had the name when the backup was written.
    const name = one && !taken.has(one.name.toLowerCase()) ? one.name : id;
    const payoutAddress = one?.address as Parameters<typeof addWorker>[1]['payoutAddress'];
    await database.transact((tx) => addWorker(tx, { id: id as WorkerId, name, payoutAddress }));
    taken.add(name.toLowerCase());
    const paidAt = payoutAddress ? `paid at ${payoutAddress}` : 'without an address to pay to';
    notes.push(
      `Worker ${name} (${id}), enrolled after the backup, is in the books again, ${paidAt}: give it a secret with tributary workers rotate ${name}`,
    );
  }
  return notes;
}

/** Names and addresses: as the pool kept them for itself, else as they were published. */
async function latestWorkers({
  verify,
  kept,
}: {
  readonly verify: Pick<VerifyParts, 'files'>;
  readonly kept: PublishedFiles | undefined;
}) {
  if (!kept || (await kept.read('workers.json')) === undefined) {
    return { workers: [...(await namesOf(verify)).values()], isOwn: false };
  }
  const names = await namesOf({ files: kept }).catch((error: unknown) => {
    if (!(error instanceof Wrong)) throw error;
    throw new Wrong(error.fault, `in ${RECOVERY}, ${error.message}: it was cut or changed`);
  });
  return { workers: [...names.values()], isOwn: true };
}

function differs(text: string, cause?: unknown): TributaryError {
  return new TributaryError('recovery_differs', text, { cause });
}
