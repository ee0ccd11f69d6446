import type { AssetId } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch, receiptHeads, type WorkerEpoch, workerEpochs } from '../ledger/epoch-store.ts';
import { balancesOf } from '../ledger/postings-store.ts';
import type { EpochHead } from '../proofs/files.ts';
import type { Amounts, EpochInput, WorkerInput } from '../terms/settle-types.ts';
import { epochWorkers, releasesDue } from './store.ts';
import { sameAmounts, show } from './verify-epoch.ts';

/** A line of what was published that is another one in the books: a sentence without a full stop. */
export class Differs extends Error {
  override readonly name = 'Differs';
}

/** Does a part of taking an epoch over. Throws `recovery_differs` for what {@link Differs}. */
export async function takingOver<T>(epoch: bigint, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Differs)) throw error;
    const text = `Epoch ${epoch} cannot be taken over as it was published: ${error.message}.`;
    throw new TributaryError('recovery_differs', text, { cause: error });
  }
}

/**
 * Whether what the books have of the open epoch is a beginning of what was published of it, and they
 * carry into it what it begins with. Throws {@link Differs} at the first line that is not so.
 */
export async function checkAgainstBooks(
  from: Queryable,
  { head, input }: { readonly head: EpochHead; readonly input: EpochInput },
): Promise<void> {
  const { number, openedAt, termsVersion } = await openEpoch(from);
  if (number !== head.epoch) throw new Differs(`the books are in epoch ${number}`);
  if (Math.abs(openedAt - head.opensAt) >= 1) {
    throw new Differs('it opened at another moment than in the books');
  }
  if (termsVersion !== head.terms.version) {
    const versions = `${head.terms.version} of the terms, and the books say ${termsVersion}`;
    throw new Differs(`it was settled by version ${versions}`);
  }
  compare('what was carried into it', input.carried, await owedBy(from, 'dust'));
  const reserve = await owedBy(from, 'reserve');
  if (input.reserve) compare('the reserve', input.reserve, reserve);
  await compareWorkers(from, input);
}

function compare(what: string, published: Amounts, own: Amounts): void {
  if (sameAmounts(published, own)) return;
  throw new Differs(`${what} is ${show(published)}, and ${show(own)} in the books`);
}

async function owedBy(from: Queryable, name: 'dust' | 'reserve'): Promise<Amounts> {
  const held = await balancesOf(from, { account: account(name) });
  return Object.fromEntries(held.map(({ asset, balance }) => [asset, -balance]));
}

async function compareWorkers(from: Queryable, input: EpochInput): Promise<void> {
  const before = new Map(
    (await epochWorkers(from, input.epoch - 1n)).map((one) => [one.worker, one]),
  );
  const worked = new Map<string, WorkerEpoch>(
    (await workerEpochs(from, input.epoch)).map((one) => [one.worker, one]),
  );
  const releases = Map.groupBy(await releasesDue(from, input.epoch), ({ worker }) => worker);
  const named = new Set(input.workers.map(({ worker }) => worker));
  for (const worker of [...before.keys(), ...worked.keys(), ...releases.keys()]) {
    if (!named.has(worker)) throw new Differs(`it does not have worker ${worker}`);
  }
  for (const worker of input.workers) {
    const { worker: id, cumulative } = worker;
    const earlier = before.get(id)?.cumulative ?? {};
    compare(`what ${id} was credited before`, cumulative, earlier);
    const due = (lines: NonNullable<WorkerInput['releases']>) =>
      JSON.stringify(lines.map(({ epoch, asset, amount }) => [`${epoch}`, asset, `${amount}`]));
    if (due(worker.releases ?? []) !== due(releases.get(id) ?? [])) {
      throw new Differs(
        `what was held back from ${id} and is due in it is another sum in the books`,
      );
    }
    const own = worked.get(id);
    if (own) compareWork(worker, own);
  }
}

/** What is in the books was done by the end of the epoch, too. */
function compareWork(published: WorkerInput, own: WorkerEpoch): void {
  const { worker } = published;
  const isMore = (what: string, mine: bigint, theirs: bigint) => {
    if (mine <= theirs) return;
    throw new Differs(`${worker} has ${theirs} ${what} in it, and ${mine} in the books`);
  };
  isMore('jobs', own.jobs, published.jobs);
  isMore('units', own.units, published.units);
  isMore('failed attempts', own.failedAttempts, published.failedAttempts);
  const first = published.lastSequence - published.jobs + 1n;
  if (own.sequenceBefore + 1n !== first) {
    throw new Differs(
      `the first receipt of ${worker} in it is ${first}, and ${own.sequenceBefore + 1n} in the books`,
    );
  }
  if (own.jobs < published.jobs) return;
  const hasSame = hex(own.lastReceiptHash) === published.lastReceiptHash;
  if (!hasSame) {
    throw new Differs(
      `receipt ${own.lastSequence} of ${worker} is another one in it than in the books`,
    );
  }
  const [asset, amount] = Object.entries(published.grossFee)[0] ?? [undefined, 0n];
  const isSame =
    own.units === published.units &&
    (own.gross?.amount ?? 0n) === amount &&
    (amount === 0n || own.gross?.asset === (asset as AssetId));
  if (!isSame) throw new Differs(`the receipts of ${worker} add up otherwise than in the books`);
}

/**
 * Receipts that an epoch counts and that the books lack, in sentences: what they were worth stands, by
 * what was published; what they were for is lost.
 */
export async function missingReceipts(
  from: Queryable,
  input: EpochInput,
): Promise<readonly string[]> {
  const heads = await receiptHeads(from);
  return input.workers.flatMap(({ worker, lastSequence, jobs }) => {
    const known = heads.get(worker) ?? 0n;
    if (known >= lastSequence) return [];
    if (jobs === 0n || known < lastSequence - jobs) {
      throw new Differs(`receipts of ${worker} before it are not in the books`);
    }
    const which =
      known + 1n === lastSequence
        ? `receipt ${lastSequence} of worker ${worker} was`
        : `receipts ${known + 1n} to ${lastSequence} of worker ${worker} were`;
    return [`${which} not handed in: what epoch ${input.epoch} credits for it stands`];
  });
}
