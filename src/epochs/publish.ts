import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Instant } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { disputeLogText } from '../ledger/disputes-store.ts';
import { toHex } from '../proofs/bytes.ts';
import { type IndexFile, type PayoutsFile, writeFile } from '../proofs/files.ts';
import { privateLeafId } from '../proofs/merkle-sum.ts';
import type { Statement } from '../proofs/statement.ts';
import { writeAnchors } from './anchors.ts';
import { epochFiles, headOf, signedText } from './epoch-files.ts';
import { type RecordingParts, recordDigest } from './record.ts';
import { allRecords, type EpochRecord } from './record-store.ts';
import { epochWorkers } from './store.ts';
import type { Anchor } from './verify-anchors.ts';
import { type WorkersFile, writeWorkers } from './verify-worker.ts';

/** A folder or file that is being written: whatever is left of one is removed at the next start. */
const UNFINISHED = /^\.new-/;

/** A final payout as it is published. */
export type PublishedPayout = PayoutsFile['payouts'][number];

/** What publishing stands on. */
export interface PublishingParts extends RecordingParts {
  /** Where the files go; made when it is not there. */
  readonly dir: string;
  /** The receipt keys, in any order. */
  keys(): Promise<readonly { readonly version: number; readonly publicKey: Uint8Array }[]>;
  /** Who signs for the pool on chain, 20 bytes; undefined off-chain. */
  readonly account: Uint8Array | undefined;
  /** 65 bytes of that account over a statement; undefined off-chain. */
  endorse(statement: Statement): Promise<Uint8Array | undefined>;
  /** Names and payout addresses, for those who look themselves up. */
  workers(): Promise<WorkersFile['workers']>;
  /** Payouts that became final from one moment up to, and without, another. */
  payouts(from: Instant, until: Instant | undefined): Promise<readonly PublishedPayout[]>;
  /** Epochs that are in the chain, with the final transactions; left out where nobody wants that. */
  anchors?(): Promise<readonly Anchor[]>;
}

/**
 * Brings the folder up to date with the database: epochs that are missing or differ, the terms that
 * they name, payouts since the last one, and the index at the end, so that whoever follows it finds
 * everything. Each file and each epoch appears whole. Whoever does it, and how often, the files are
 * the same.
 */
export async function publish(parts: PublishingParts): Promise<void> {
  await mkdir(parts.dir, { recursive: true, mode: 0o755 });
  await removeUnfinished(parts.dir);
  const records = await allRecords(parts.database);
  const versions = new Set<number>();
  for (const [at, record] of records.entries()) {
    const { terms } = JSON.parse(record.head) as { terms: { version: number } };
    versions.add(terms.version);
    await publishEpoch(parts, record, records[at - 1]);
    const isLast = at >= records.length - 2;
    if (isLast) await publishPayouts(parts, record, records[at + 1]);
  }
  for (const version of versions) {
    if (version === 0) continue;
    const file = await parts.terms.file(version);
    await putFile(parts.dir, join('terms', `${version}.json`), file);
  }
  const last = records.at(-1);
  if (last && headOf(last).privacy === 'public') {
    const workers = [...(await parts.workers())].sort((a, b) => (a.worker < b.worker ? -1 : 1));
    await putFile(
      parts.dir,
      'workers.json',
      writeWorkers({ format: 'tributary-workers-1', workers }),
    );
  } else await rm(join(parts.dir, 'workers.json'), { force: true });
  const disputes = await disputeLogText(parts.database);
  if (disputes !== '') await putFile(parts.dir, 'disputes.jsonl', disputes);
  const anchors = (await parts.anchors?.()) ?? [];
  if (anchors.length > 0) await putFile(parts.dir, 'anchors.json', writeAnchors(anchors));
  crashPoint('epoch_written');
  await putFile(parts.dir, 'index.json', writeFile(await indexOf(parts, records)));
  crashPoint('epoch_published');
}

async function removeUnfinished(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (UNFINISHED.test(name)) await rm(join(dir, name), { recursive: true, force: true });
  }
}

async function publishEpoch(
  parts: PublishingParts,
  record: EpochRecord,
  before: EpochRecord | undefined,
): Promise<void> {
  const folder = join(parts.dir, `epoch-${record.epoch}`);
  if ((await textOf(join(folder, 'epoch.json'))) === signedText(record)) return;
  const fresh = join(parts.dir, `.new-${randomUUID()}`);
  await mkdir(fresh, { mode: 0o755 });
  for await (const { path, text } of epochFiles(parts, record, before)) {
    await writeWhole(join(fresh, path), text);
  }
  const payouts = await payoutsText(parts, record, undefined);
  await writeWhole(join(fresh, 'payouts.json'), payouts);
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
}

/** Payouts are listed with the epoch after whose closing, and before the next one's, they were final. */
async function publishPayouts(
  parts: PublishingParts,
  record: EpochRecord,
  next: EpochRecord | undefined,
): Promise<void> {
  const text = await payoutsText(parts, record, next);
  await putFile(parts.dir, join(`epoch-${record.epoch}`, 'payouts.json'), text);
}

async function payoutsText(
  parts: PublishingParts,
  { epoch, head }: EpochRecord,
  next: EpochRecord | undefined,
): Promise<string> {
  const closesAt = (text: string) => (JSON.parse(text) as { closesAt: number }).closesAt as Instant;
  const payouts = await parts.payouts(closesAt(head), next && closesAt(next.head));
  const names = payouts.length === 0 ? undefined : await saltedNames(parts, epoch);
  const named = payouts.map((payout) => ({
    ...payout,
    worker: names?.get(payout.worker) ?? payout.worker,
  }));
  return writeFile({ format: 'tributary-payouts-1', epoch, payouts: named });
}

/** Of a private pool: by what a worker, and nobody else, finds itself in the list. */
async function saltedNames(
  { database, hashing }: PublishingParts,
  epoch: bigint,
): Promise<ReadonlyMap<string, string>> {
  const workers = await epochWorkers(database, epoch);
  return new Map(
    workers.flatMap(({ worker, salt }) =>
      salt ? [[worker, toHex(privateLeafId(worker, salt, hashing))]] : [],
    ),
  );
}

async function indexOf(
  parts: PublishingParts,
  records: readonly EpochRecord[],
): Promise<IndexFile> {
  const { identity, account, hashing } = parts;
  const keys = await parts.keys();
  const named = keys.map(async ({ version, publicKey }) => {
    const endorsement = await parts.endorse({
      kind: 'receipt_key',
      version: BigInt(version),
      digest: publicKey,
    });
    return {
      version: BigInt(version),
      key: toHex(publicKey),
      ...(endorsement ? { endorsement: toHex(endorsement) } : {}),
    };
  });
  const sorted = (await Promise.all(named)).sort((a, b) => Number(a.version - b.version));
  return {
    format: 'tributary-proofs-1',
    pool: `0x${toHex(identity.pool)}`,
    chainId: identity.chainId,
    ...(account ? { account: `0x${toHex(account)}` } : {}),
    keys: sorted,
    epochs: records.map((record) => ({
      epoch: record.epoch,
      digest: recordDigest(record, hashing),
    })),
  };
}

/** Writes a file below the folder whole or not at all; one that is there with the same text stays. */
export async function putFile(dir: string, path: string, text: string): Promise<void> {
  const target = join(dir, path);
  if ((await textOf(target)) === text) return;
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  const fresh = join(dir, `.new-${randomUUID()}`);
  await writeWhole(fresh, text);
  await rename(fresh, target);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(text);
    // A rename may reach the disk before what it renames.
    await file.sync();
  } finally {
    await file.close();
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
