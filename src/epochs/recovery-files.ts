import { TributaryError } from '../base/errors.ts';
import { fromHex, toHex } from '../proofs/bytes.ts';
import { canonicalJson, parseCanonicalJson } from '../proofs/canonical.ts';
import {
  count,
  NotReadable,
  objectOf,
  oneOf,
  plain,
  recordOf,
  textLike,
} from '../proofs/read-json.ts';
import { type EpochFile, signedText } from './epoch-files.ts';
import type { RecordingParts } from './record.ts';
import type { EpochRecord } from './record-store.ts';
import { epochWorkers, resultOf } from './store.ts';
import type { PublishedFiles } from './verify-types.ts';

// What brings the books of a pool back and is not for everybody, in a folder that is never served:
//   workers.json               names and payout addresses, as a public pool publishes them
//   disputes.jsonl             the log of disputes, with what the published one does not say
//   epoch-<n>/epoch.json       of a private pool: the record to which the other two belong
//   epoch-<n>/input.json       what the epoch was settled by
//   epoch-<n>/salts.json       what hides whose a leaf is

/** The folder, in the data directory. */
export const RECOVERY = 'recovery';
/** Characters: a pool of 10^5 workers has salts of some 8 MB. */
const SALTS_MAX = 64 * 1024 * 1024;

const saltsFile = objectOf({
  format: oneOf(['tributary-salts-1'] as const),
  epoch: count,
  /** By worker, hex of 32 bytes. */
  salts: recordOf(
    textLike(/^[a-z2-7]{10}$/, 'the id of a worker'),
    textLike(/^[0-9a-f]{64}$/, '64 hex digits in lower case'),
  ),
});

/** Everything that is kept of a private epoch. */
export async function* recoveryFiles(
  { database }: Pick<RecordingParts, 'database'>,
  record: EpochRecord,
): AsyncGenerator<EpochFile> {
  const { epoch } = record;
  const result = await resultOf(database, epoch);
  if (!result) throw new TributaryError('internal', 'an epoch with a record has no result');
  yield { path: 'input.json', text: result.input };
  const workers = await epochWorkers(database, epoch);
  const salts = Object.fromEntries(
    workers.flatMap(({ worker, salt }) => (salt ? [[worker, toHex(salt)]] : [])),
  );
  const file = { format: 'tributary-salts-1', epoch, salts };
  yield { path: 'salts.json', text: canonicalJson(plain(file)) };
  yield { path: 'epoch.json', text: signedText(record) };
}

/** What was kept of a private epoch, as it is in the folder. */
export interface KeptEpoch {
  readonly input: string;
  readonly salts: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads what was kept of an epoch; `undefined` when nothing was, a sentence without a full stop when a
 * file of it is missing or does not read. Whether they are the right ones its record decides.
 */
export async function readKept(
  files: PublishedFiles,
  epoch: bigint,
): Promise<KeptEpoch | string | undefined> {
  const folder = `epoch-${epoch}`;
  const input = await files.read(`${folder}/input.json`);
  const salts = await files.read(`${folder}/salts.json`);
  if (input === undefined && salts === undefined) return undefined;
  if (input === undefined || salts === undefined) {
    return `${folder}/${input === undefined ? 'input' : 'salts'}.json is missing in ${RECOVERY}`;
  }
  const read = readSalts(salts, epoch);
  return typeof read === 'string'
    ? `${folder}/salts.json in ${RECOVERY} ${read}`
    : { input, salts: read };
}

function readSalts(text: string, epoch: bigint): ReadonlyMap<string, Uint8Array> | string {
  const value = parseCanonicalJson(text, SALTS_MAX);
  if (value === undefined) return 'was cut or changed: it is not canonical JSON';
  try {
    const file = saltsFile(value, '');
    if (file.epoch !== epoch) return `is of epoch ${file.epoch}`;
    const salts = Object.entries(file.salts);
    return new Map(salts.map(([worker, salt]) => [worker, fromHex(salt, 32) as Uint8Array]));
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error;
    return `was changed: ${error.message}`;
  }
}
