import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crashPoint } from '../base/crash-point.ts';
import { makeFolder } from '../base/folder.ts';
import { disputeLogText } from '../ledger/disputes-store.ts';
import { toHex } from '../proofs/bytes.ts';
import { type IndexFile, writeFile } from '../proofs/files.ts';
import type { Statement } from '../proofs/statement.ts';
import { writeAnchors } from './anchors.ts';
import { epochFiles, headOf, signedText } from './epoch-files.ts';
import {
  type FinalPayouts,
  type ListedPayouts,
  openPayoutLists,
  type PayoutLists,
} from './payout-lists.ts';
import { type RecordingParts, recordDigest } from './record.ts';
import { allRecords, type EpochRecord } from './record-store.ts';
import type { Anchor } from './verify-anchors.ts';
import { type WorkersFile, writeWorkers } from './verify-worker.ts';

/** A folder or file that is being written: whatever is left of one is removed at the next start. */
const UNFINISHED = /^\.new-/;

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
  readonly payouts: FinalPayouts;
  /** Epochs that are in the chain, with the final transactions; left out where nobody wants that. */
  anchors?(): Promise<readonly Anchor[]>;
}

/**
 * Brings the folder up to date with the database: epochs that are missing or differ, the terms that
 * they name, the lists of payouts, and the index at the end, so that whoever follows it finds
 * everything. Each file and each epoch appears whole. Whoever does it, and how often, the files are
 * the same.
 *
 * @param listed what this process has listed; without it every list of payouts is read again
 */
export async function publish(
  parts: PublishingParts,
  listed: ListedPayouts = new Map(),
): Promise<void> {
  await makeFolder(parts.dir, { mode: 0o755 });
  await removeUnfinished(parts.dir);
  const records = await allRecords(parts.database);
  const lists = await openPayoutLists(parts, records, listed);
  const versions = new Set<number>();
  for (const [at, record] of records.entries()) {
    const { terms } = JSON.parse(record.head) as { terms: { version: number } };
    versions.add(terms.version);
    const isFresh = await publishEpoch(parts, records, at, lists);
    if (!isFresh && lists.isNew(at)) {
      const path = join(`epoch-${record.epoch}`, 'payouts.json');
      await putFile(parts.dir, path, await lists.text(at));
    }
    lists.wrote(at);
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

/** Writes the folder of the epoch at this place, unless it is there: whether it did. */
async function publishEpoch(
  parts: PublishingParts,
  records: readonly EpochRecord[],
  place: number,
  lists: PayoutLists,
): Promise<boolean> {
  const record = records[place] as EpochRecord;
  const folder = join(parts.dir, `epoch-${record.epoch}`);
  if ((await textOf(join(folder, 'epoch.json'))) === signedText(record)) return false;
  const fresh = join(parts.dir, `.new-${randomUUID()}`);
  await mkdir(fresh, { mode: 0o755 });
  for await (const { path, text } of epochFiles(parts, record, records[place - 1])) {
    await writeWhole(join(fresh, path), text);
  }
  await writeWhole(join(fresh, 'payouts.json'), await lists.text(place));
  await rm(folder, { recursive: true, force: true });
  await rename(fresh, folder);
  return true;
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
  await makeFolder(dirname(target), { mode: 0o755 });
  const fresh = join(dir, `.new-${randomUUID()}`);
  await writeWhole(fresh, text);
  await rename(fresh, target);
}

async function writeWhole(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path), { mode: 0o755 });
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
