import sql from 'sql-template-tag';
import type { AssetId } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import { instant } from '../base/clock.ts';
import {
  type JobId,
  newConnectionId,
  newSessionId,
  newTaskId,
  type WorkerId,
} from '../base/ids.ts';
import { pixels } from '../base/money.ts';
import type { Database } from '../database/database.ts';
import type { Queryable } from '../database/transaction.ts';
import { toHex } from '../proofs/bytes.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { type Receipt, receiptHash, type SignedReceipt } from '../proofs/receipt.ts';
import { type ChainHead, chainFaultTexts, checkReceipts } from '../proofs/receipt-chain.ts';
import type { PoolIdentity } from '../proofs/statement.ts';
import { type Contribution, type ContributionId, newContributionId } from './contribution.ts';
import { openEpoch } from './epoch-store.ts';
import type { MovedHead } from './receipts.ts';
import { holdHeads, receiptsOf, storeCredits } from './receipts-store.ts';
import { appendContributions } from './store.ts';

/** Receipts that one transaction takes back. */
const BATCH = 500;
/** What a recovered job was made of nobody knows any more; its pixels are signed for. */
const RECOVERED = 'recovered';

/** Receipts that workers hold and the books do not, and what stood in the way of others. */
export interface FoundReceipts {
  /** In order, worker by worker: each follows what the books have. */
  readonly missing: readonly SignedReceipt[];
  /** Sentences. */
  readonly gaps: readonly string[];
}

/**
 * Which of these receipts the books lost. Each was signed by a key of the pool, and follows the ones
 * before it without a gap; where one does not, it and those behind it are named instead.
 */
export async function findMissingReceipts(
  from: Queryable,
  held: readonly SignedReceipt[],
  rules: { readonly identity: PoolIdentity; readonly keys: readonly Uint8Array[] },
): Promise<FoundReceipts> {
  const byWorker = new Map<string, SignedReceipt[]>();
  for (const one of held) {
    const list = byWorker.get(one.receipt.worker) ?? [];
    list.push(one);
    byWorker.set(one.receipt.worker, list);
  }
  const missing: SignedReceipt[] = [];
  const gaps: string[] = [];
  for (const [worker, all] of [...byWorker].sort()) {
    const head = await headOf(from, worker);
    if (!head) {
      gaps.push(`worker ${worker} is not known here; it holds ${all.length} receipts`);
      continue;
    }
    const sorted = once(all);
    gaps.push(...(await forked(from, worker, sorted, head.sequence)));
    const later = sorted.filter(({ receipt }) => receipt.sequence > head.sequence);
    const good = followers(later, head, { ...rules, worker });
    missing.push(...good.taken);
    if (good.gap !== undefined) gaps.push(good.gap);
  }
  return { missing, gaps };
}

function once(all: readonly SignedReceipt[]): SignedReceipt[] {
  const sorted = [...all].sort((a, b) => (a.receipt.sequence < b.receipt.sequence ? -1 : 1));
  return sorted.filter(
    ({ body }, index) => index === 0 || !same(body, sorted[index - 1]?.body ?? new Uint8Array()),
  );
}

function followers(
  later: readonly SignedReceipt[],
  head: ChainHead,
  rules: {
    readonly identity: PoolIdentity;
    readonly keys: readonly Uint8Array[];
    readonly worker: string;
  },
): { readonly taken: readonly SignedReceipt[]; readonly gap?: string } {
  const { identity, worker } = rules;
  const checked = checkReceipts(later, head, {
    ...{ identity, worker, hashing: nodeHashing, verifyEd25519: nodeVerifyEd25519 },
    keys: new Set(rules.keys.map(toHex)),
    signatures: 'every',
  });
  if (checked.ok) return { taken: later };
  const taken = later.filter(({ receipt }) => receipt.sequence < checked.sequence);
  const left = later.length - taken.length;
  const gap = `receipt ${checked.sequence} of worker ${worker} ${chainFaultTexts[checked.reason]}; ${left} were left`;
  // What came before the fault is good only if it was looked at on its own.
  return taken.length === later.length
    ? { taken: [], gap }
    : { ...followers(taken, head, rules), gap };
}

/** Receipts that say something else than those in the books under the same number. */
async function forked(
  from: Queryable,
  worker: string,
  sorted: readonly SignedReceipt[],
  last: bigint,
): Promise<readonly string[]> {
  const [first] = sorted;
  if (!first || first.receipt.sequence > last) return [];
  const stored = new Map<bigint, Uint8Array>();
  for (let next = first.receipt.sequence; next <= last; ) {
    const some = await receiptsOf(from, worker as WorkerId, next);
    for (const { sequence, body } of some) stored.set(sequence, body);
    const end = some.at(-1);
    if (!end) break;
    next = end.sequence + 1n;
  }
  return sorted.flatMap(({ receipt: { sequence }, body }) => {
    const own = stored.get(sequence);
    if (!own || same(own, body)) return [];
    return [`worker ${worker} holds another receipt ${sequence} than the books`];
  });
}

async function headOf(from: Queryable, worker: string): Promise<ChainHead | undefined> {
  const { rows } = await from.query<{
    last_sequence: bigint | null;
    last_receipt_hash: Buffer | null;
    epoch: bigint | null;
    units: bigint | null;
    asset: string | null;
    amount: bigint | null;
  }>(sql`
    select e.last_sequence, e.last_receipt_hash, e.epoch, e.units, e.asset, e.amount
    from worker w left join lateral (select * from worker_epoch e where e.worker = w.id
      order by e.epoch desc limit 1) e on true
    where w.id = ${worker}`);
  const [row] = rows;
  if (!row) return undefined;
  const amounts = new Map(row.asset === null ? [] : [[row.asset, row.amount ?? 0n] as const]);
  return {
    sequence: row.last_sequence ?? 0n,
    hash: row.last_receipt_hash ?? new Uint8Array(32),
    sums: { epoch: row.epoch ?? 0n, units: row.units ?? 0n, amounts },
  };
}

/**
 * Takes those back that belong to the open epoch: jobs, receipts and running totals, as they were.
 * Answers how many.
 */
export async function takeBackReceipts(
  database: Database,
  missing: readonly SignedReceipt[],
): Promise<number> {
  const { number } = await openEpoch(database);
  const due = missing.filter(({ receipt }) => receipt.epoch === number);
  for (let start = 0; start < due.length; start += BATCH) {
    const some = due.slice(start, start + BATCH);
    await database.transact(async (tx) => {
      const entries = some.map(({ receipt }) => entryOf(receipt));
      const added = await appendContributions(tx, entries);
      if (added.size !== entries.length) throw new RangeError('a job was credited already');
      const workers = [...new Set(some.map(({ receipt }) => receipt.worker as WorkerId))];
      const { heads } = await holdHeads(tx, workers);
      const moved = new Map<WorkerId, MovedHead>();
      for (const { receipt, body } of some) {
        const worker = receipt.worker as WorkerId;
        const head = moved.get(worker) ?? begin(heads.get(worker));
        moved.set(worker, after(head, receipt, body));
      }
      const receipts = some.map(({ receipt, body }, index) => ({
        contribution: entries[index]?.id as ContributionId,
        worker: receipt.worker as WorkerId,
        sequence: receipt.sequence,
        body,
      }));
      storeCredits(tx, { receipts, heads: [...moved.values()] });
    });
  }
  return due.length;
}

function begin(head: Pick<MovedHead, 'worker'> | undefined): MovedHead {
  if (!head) throw new RangeError('the receipts of a worker have no head');
  const added = { addedJobs: 0, addedSourceMs: 0, addedDeviceMs: 0, addedFailedAttempts: 0 };
  return { ...(head as MovedHead), ...added };
}

function after(head: MovedHead, receipt: Receipt, body: Uint8Array): MovedHead {
  return {
    ...head,
    units: receipt.epochUnits,
    asset: receipt.asset === '' ? head.asset : (receipt.asset as AssetId),
    amount: receipt.asset === '' ? head.amount : receipt.epochAmount,
    lastSequence: receipt.sequence,
    lastHash: receiptHash(body, nodeHashing),
    addedJobs: head.addedJobs + 1,
    addedDeviceMs: head.addedDeviceMs + receipt.deviceMs,
  };
}

/** As much of a job as its receipt says. */
function entryOf(receipt: Receipt): {
  readonly id: ContributionId;
  readonly contribution: Contribution;
} {
  const at = instant(receipt.at);
  const count = pixels(receipt.units);
  const rendition = { name: RECOVERED, width: 0, height: 0, frames: 0, bytes: 0 };
  return {
    id: newContributionId(at),
    contribution: {
      job: uuid(receipt.job) as JobId,
      attempt: 1,
      task: newTaskId(),
      worker: receipt.worker as WorkerId,
      connection: newConnectionId(),
      session: newSessionId(),
      sourceDurationMs: 0,
      sourceBytes: 0,
      sourceHash: receipt.inputHash,
      timings: {},
      at,
      verdict: 'credited',
      pixels: count,
      profiles: [{ ...rendition, pixels: count, hash: receipt.outputsHash }],
    },
  };
}

function uuid(bytes: Uint8Array): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}
