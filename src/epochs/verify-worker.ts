import { canonicalJson, parseCanonicalJson } from '../proofs/canonical.ts';
import {
  listOf,
  NotReadable,
  objectOf,
  oneOf,
  optional,
  plain,
  textLike,
} from '../proofs/read-json.ts';
import { type VerifyParts, Wrong } from './verify-types.ts';

// workers.json: names and payout addresses, so that a worker need not know its id. It is a help and
// no proof: whoever is found through it still has to find its own receipts and payments.

const ID = /^[a-z2-7]{10}$/;
const workersFile = objectOf({
  format: oneOf(['tributary-workers-1'] as const),
  workers: listOf(
    objectOf({
      worker: textLike(ID, 'the id of a worker'),
      name: textLike(/^[A-Za-z0-9._-]{1,64}$/, 'the name of a worker'),
      address: optional(textLike(/^0x[0-9a-f]{40}$/, '0x and 40 hex digits in lower case')),
    }),
  ),
});
/** workers.json */
export type WorkersFile = ReturnType<typeof workersFile>;

export function writeWorkers(file: WorkersFile): string {
  return canonicalJson(plain(file));
}

/** The id of a worker by its name, payout address or id. Throws {@link Wrong}. */
export async function findWorker({ files }: VerifyParts, wanted: string): Promise<string> {
  const text = await files.read('workers.json');
  const known = text === undefined ? [] : read(text).workers;
  const lower = wanted.toLowerCase();
  const found =
    known.filter(({ worker }) => worker === wanted).at(0) ??
    known.filter(({ name }) => name.toLowerCase() === lower).at(0);
  if (found) return found.worker;
  const paid = known.filter(({ address }) => address === lower);
  const [one, another] = paid;
  if (one && another) {
    const names = paid.map(({ name }) => name).join(', ');
    throw new Wrong('worker_unknown', `several workers are paid at this address: ${names}`);
  }
  if (one) return one.worker;
  if (ID.test(wanted)) return wanted;
  const why = text === undefined ? ': this pool publishes no names, so give its id' : '';
  throw new Wrong('worker_unknown', `the pool has no worker ${wanted.slice(0, 64)}${why}`);
}

/** Names and addresses by id, as far as they are published. Throws {@link Wrong}. */
export async function namesOf({
  files,
}: Pick<VerifyParts, 'files'>): Promise<ReadonlyMap<string, WorkersFile['workers'][number]>> {
  const text = await files.read('workers.json');
  const known = text === undefined ? [] : read(text).workers;
  return new Map(known.map((one) => [one.worker, one]));
}

function read(text: string): WorkersFile {
  const value = parseCanonicalJson(text);
  if (value === undefined) throw new Wrong('file_malformed', 'workers.json is not canonical JSON');
  try {
    return workersFile(value, '');
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error;
    throw new Wrong('file_malformed', `workers.json: ${error.message}`);
  }
}
