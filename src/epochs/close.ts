import type { Clock } from '../base/clock.ts';
import { crashPoint } from '../base/crash-point.ts';
import { TributaryError } from '../base/errors.ts';
import { type RandomBytes, secureRandom } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { closeEpoch, type Epoch, epochsIn, openEpoch, switchEpoch } from '../ledger/epoch-store.ts';
import { epochSettled } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import { settleEpoch } from '../terms/settle.ts';
import type { Terms } from '../terms/terms.ts';
import { buildInput } from './build-input.ts';
import { writeInput, writeSettlement } from './input-json.ts';
import { addResult, lockClosing, noteEnd } from './store.ts';
import { epochWorkersOf, treeOf } from './tree.ts';

/** Bytes that hide whose a leaf of a private pool is. */
const SALT_BYTES = 32;

/** The terms that were published, by version and by the epoch that they settle. */
export interface TermsBook {
  /** Version 0 is what holds where none were published. */
  of(version: number): Promise<Terms>;
  /** terms/<version>.json as it is published; asked for no version 0. */
  file(version: number): Promise<string>;
  /** Which version settles an epoch that opens now. */
  versionFor(epoch: bigint): Promise<number>;
}

/** What closing stands on. */
export interface ClosingParts {
  readonly database: Database;
  readonly terms: TermsBook;
  readonly hashing: ProofHashing;
  readonly clock: Clock;
  /** Brings the books up to date with what was earned until now; nothing where there is no chain. */
  recognise(): Promise<void>;
  /** Writes down what was measured until now of workers; left out where nothing is measured. */
  measure?(): Promise<void>;
  readonly random?: RandomBytes;
}

/**
 * Ends the open epoch, if it still is the one of that number, and opens the next. From here on
 * {@link settleEnded} finishes it, whatever happens to this process.
 *
 * @returns the epoch that ended; undefined when another node was faster
 */
export async function endEpoch(parts: ClosingParts, number: bigint): Promise<Epoch | undefined> {
  const { database, terms, clock } = parts;
  // Before the switch, so that what was earned with the work of this epoch is income of it.
  await parts.recognise();
  const nextTermsVersion = await terms.versionFor(number + 1n);
  const ended = await database.transact((tx) =>
    switchEpoch(tx, { number, at: clock.now(), nextTermsVersion }),
  );
  crashPoint('epoch_ended');
  return ended;
}

/**
 * Settles every epoch that has ended, oldest first: draws the line under its income, runs the rule,
 * and writes books and result in one transaction. Done again, or by two nodes at once, it changes
 * nothing more.
 *
 * @returns the epochs that this call closed
 */
export async function settleEnded(parts: ClosingParts): Promise<readonly bigint[]> {
  const closed: bigint[] = [];
  for (const { number } of await epochsIn(parts.database, 'closing')) {
    // Another node's last seconds may be missing: it counts what was written down.
    await parts.measure?.();
    await parts.database.transact((tx) => noteEnd(tx, number));
    crashPoint('epoch_end_noted');
    if (await settleOne(parts, number)) closed.push(number);
    crashPoint('epoch_closed');
  }
  return closed;
}

async function settleOne(parts: ClosingParts, number: bigint): Promise<boolean> {
  const { database, hashing, clock, random = secureRandom } = parts;
  return database.transact(async (tx) => {
    await lockClosing(tx);
    const [epoch] = await epochsIn(tx, 'closing');
    // Another node did it meanwhile.
    if (epoch?.number !== number) return false;
    const terms = await parts.terms.of(epoch.termsVersion);
    const input = await buildInput(tx, epoch, terms);
    const settlement = settleEpoch(terms, input);
    const workers = epochWorkersOf(input, settlement).map((worker) => ({
      ...worker,
      salt: terms.privacy === 'private' ? random(SALT_BYTES) : undefined,
    }));
    const salts = new Map(workers.flatMap(({ worker, salt }) => (salt ? [[worker, salt]] : [])));
    const result = {
      epoch: number,
      input: writeInput(input),
      settlement: writeSettlement(settlement),
      root: treeOf(workers, hashing, salts).root.hash,
    };
    await addResult(tx, result, workers, settlement.heldBack);
    await post(tx, epochSettled(input, settlement, clock.now()));
    if (!(await closeEpoch(tx, number, clock.now()))) {
      throw new TributaryError('internal', 'the epoch was closed by somebody who had no lock');
    }
    crashPoint('epoch_before_commit');
    return true;
  });
}

/** Ends and settles the open epoch now; throws what the parts throw. */
export async function closeNow(parts: ClosingParts): Promise<Epoch> {
  const { number } = await openEpoch(parts.database);
  const ended = await endEpoch(parts, number);
  await settleEnded(parts);
  if (ended) return ended;
  throw new TributaryError('epoch_closing', 'another node of the pool closes this epoch just now');
}
