import type { Queryable } from '../database/transaction.ts';
import { toHex } from '../proofs/bytes.ts';
import { type PayoutsFile, parsePayouts } from '../proofs/files.ts';
import { privateLeafId } from '../proofs/merkle-sum.ts';
import { readKept } from './recovery-files.ts';
import { epochWorkers } from './store.ts';
import { type PublishedFiles, type VerifyParts, Wrong } from './verify-types.ts';

/** A payout as a copy lists it, by the worker's own id. */
export type ListedPayout = PayoutsFile['payouts'][number];

/**
 * The payouts that a copy lists with some epochs. Nothing signs these lists: they say who was meant by
 * a payment, and not that there was one. Throws {@link Wrong}.
 */
export async function listedPayouts(
  parts: {
    readonly database: Queryable;
    readonly verify: VerifyParts;
    readonly kept: PublishedFiles | undefined;
  },
  epochs: { readonly first: bigint; readonly last: bigint },
): Promise<readonly ListedPayout[]> {
  const all: ListedPayout[] = [];
  for (let epoch = epochs.first; epoch <= epochs.last; epoch += 1n) {
    const path = `epoch-${epoch}/payouts.json`;
    const text = await parts.verify.files.read(path);
    if (text === undefined) continue;
    const read = parsePayouts(text);
    if (!read.ok) throw new Wrong('file_malformed', `${path}: ${read.text}`, epoch);
    const { payouts } = read.file;
    const names = payouts.some(({ worker }) => isSalted(worker))
      ? await workersByLeaf(parts, epoch)
      : new Map<string, string>();
    all.push(...payouts.map((one) => ({ ...one, worker: names.get(one.worker) ?? one.worker })));
  }
  // Who is named by a salt that is not here stays unknown.
  return all.filter(({ worker }) => !isSalted(worker));
}

const isSalted = (worker: string) => worker.length === 64;

async function workersByLeaf(
  { database, verify, kept }: Parameters<typeof listedPayouts>[0],
  epoch: bigint,
): Promise<ReadonlyMap<string, string>> {
  const own = await epochWorkers(database, epoch);
  const stored = own.flatMap(({ worker, salt }) => (salt ? [[worker, salt] as const] : []));
  const found = kept && (await readKept(kept, epoch));
  const salts = typeof found === 'object' ? [...stored, ...found.salts] : stored;
  return new Map(
    salts.map(([worker, salt]) => [toHex(privateLeafId(worker, salt, verify.hashing)), worker]),
  );
}
