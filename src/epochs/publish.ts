import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crashPoint } from '../base/crash-point.ts';
import { keptEvents, logOf } from '../ledger/disputes-store.ts';
import { toHex } from '../proofs/bytes.ts';
import { type IndexFile, writeFile } from '../proofs/files.ts';
import type { Statement } from '../proofs/statement.ts';
import { writeAnchors } from './anchors.ts';
import { type EpochFile, epochFiles, headOf, signedText } from './epoch-files.ts';
import { type FinalPayouts, type ListedPayouts, openPayoutLists } from './payout-lists.ts';
import { type RecordingParts, recordDigest } from './record.ts';
import { allRecords, type EpochRecord } from './record-store.ts';
import { DISPUTES, writeKeptDisputes } from './recovery-disputes.ts';
import { recoveryFiles } from './recovery-files.ts';
import type { Anchor } from './verify-anchors.ts';
import { type WorkersFile, writeWorkers } from './verify-worker.ts';
import { openFolder, putAll, putFile, textOf, type WrittenFolder } from './written-files.ts';

/** What publishing stands on. */
export interface PublishingParts extends RecordingParts {
  /** Where the files go; made when it is not there. */
  readonly dir: string;
  /**
   * Where the pool keeps for itself what brings its books back and is not for everybody: see
   * recovery-files.ts. Nothing below it is ever served.
   */
  readonly recoveryDir: string;
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
  const published: WrittenFolder = { dir: parts.dir, for: 'everybody' };
  const kept: WrittenFolder = { dir: parts.recoveryDir, for: 'pool' };
  await openFolder(published);
  await openFolder(kept);
  const records = await allRecords(parts.database);
  // After the records, so that it has every line that they name.
  const events = await keptEvents(parts.database);
  if (events.length > 0) await putFile(kept, DISPUTES, writeKeptDisputes(events));
  const lists = await openPayoutLists(parts, records, listed);
  const versions = new Set<number>();
  for (const [at, record] of records.entries()) {
    const { terms } = JSON.parse(record.head) as { terms: { version: number } };
    versions.add(terms.version);
    // First, so that no epoch is seen that could not be taken over after a loss.
    if (headOf(record).privacy === 'private') {
      await putEpoch(kept, record, () => recoveryFiles(parts, record));
    }
    const isFresh = await putEpoch(published, record, async function* () {
      yield* epochFiles(parts, record, records[at - 1]);
      yield { path: 'payouts.json', text: await lists.text(at) };
    });
    if (!isFresh && lists.isNew(at)) {
      const path = join(`epoch-${record.epoch}`, 'payouts.json');
      await putFile(published, path, await lists.text(at));
    }
    lists.wrote(at);
  }
  for (const version of versions) {
    if (version === 0) continue;
    const file = await parts.terms.file(version);
    await putFile(published, join('terms', `${version}.json`), file);
  }
  const workers = [...(await parts.workers())].sort((a, b) => (a.worker < b.worker ? -1 : 1));
  const named = writeWorkers({ format: 'tributary-workers-1', workers });
  await putFile(kept, 'workers.json', named);
  const last = records.at(-1);
  if (last && headOf(last).privacy === 'public') await putFile(published, 'workers.json', named);
  else await rm(join(parts.dir, 'workers.json'), { force: true });
  if (events.length > 0) await putFile(published, DISPUTES, logOf(events));
  const anchors = (await parts.anchors?.()) ?? [];
  if (anchors.length > 0) await putFile(published, 'anchors.json', writeAnchors(anchors));
  crashPoint('epoch_written');
  await putFile(published, 'index.json', writeFile(await indexOf(parts, records)));
  crashPoint('epoch_published');
}

/** Writes the folder of an epoch, unless that of this record is there: whether it did. */
async function putEpoch(
  folder: WrittenFolder,
  record: EpochRecord,
  files: () => AsyncIterable<EpochFile>,
): Promise<boolean> {
  const path = `epoch-${record.epoch}`;
  if ((await textOf(join(folder.dir, path, 'epoch.json'))) === signedText(record)) return false;
  await putAll(folder, path, files());
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
