import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { fromHex } from '../proofs/bytes.ts';
import { parseSignedEpoch } from '../proofs/files.ts';
import type { PoolIdentity } from '../proofs/statement.ts';
import { readPublished } from '../terms/published.ts';
import { addTerms, termsVersions } from '../terms/store.ts';
import { addWorker, enrolledWorkers } from '../workers/store.ts';
import { readInput } from './input-json.ts';
import { recordDigest } from './record.ts';
import { allRecords } from './record-store.ts';
import { readIndex, readTerms } from './verify-files.ts';
import { type VerifyParts, Wrong } from './verify-types.ts';
import { namesOf } from './verify-worker.ts';

/** A copy of what the pool published, that agrees with the books as far as they go. */
export interface PublishedCopy {
  /** The last epoch in it; 0: it has none. */
  readonly last: bigint;
  /** What was taken out of it into the books, in sentences. */
  readonly notes: readonly string[];
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
  readonly identity: PoolIdentity | undefined;
}): Promise<PublishedCopy> {
  try {
    return await open(parts);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    throw differs(`The published copy does not hold: ${error.message}.`, error);
  }
}

type Parts = Parameters<typeof openCopy>[0];

async function open(parts: Parts): Promise<PublishedCopy> {
  const { database, verify, identity } = parts;
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
  for (const { epoch } of later) {
    notes.push(...(await bringTerms(parts, index, epoch)));
    notes.push(...(await bringWorkers(parts, epoch)));
  }
  return { last: later.at(-1)?.epoch ?? known, notes };
}

async function bringTerms(
  { database, clock, verify }: Parts,
  index: Parameters<typeof readTerms>[1],
  epoch: bigint,
): Promise<readonly string[]> {
  const head = parseSignedEpoch((await verify.files.read(`epoch-${epoch}/epoch.json`)) ?? '');
  if (!head.ok) return [];
  const { version, digest } = head.file.head.terms;
  const newest = (await termsVersions(database)).at(-1)?.version ?? 0;
  if (version <= newest) return [];
  // Whoever may sign them signed them, and they are what the record names.
  await readTerms(verify, index, { epoch, terms: { version, digest } });
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

/** Who was enrolled after the backup: by name and address, as they were published, without a secret. */
async function bringWorkers(
  { database, verify }: Parts,
  epoch: bigint,
): Promise<readonly string[]> {
  const text = await verify.files.read(`epoch-${epoch}/input.json`);
  if (text === undefined) return [];
  const known = new Set<string>((await enrolledWorkers(database)).map(({ worker }) => worker.id));
  const lost = readInput(text).workers.filter(({ worker }) => !known.has(worker));
  if (lost.length === 0) return [];
  const names = await namesOf(verify);
  const notes: string[] = [];
  for (const { worker } of lost) {
    const one = names.get(worker);
    const name = one?.name ?? worker;
    await database.transact((tx) =>
      addWorker(tx, {
        id: worker as WorkerId,
        name,
        payoutAddress: one?.address as Parameters<typeof addWorker>[1]['payoutAddress'],
      }),
    );
    notes.push(
      `Worker ${name} (${worker}), enrolled after the backup, is in the books again: give it a secret with tributary workers rotate ${name}`,
    );
  }
  return notes;
}

function differs(text: string, cause?: unknown): TributaryError {
  return new TributaryError('recovery_differs', text, { cause });
}
