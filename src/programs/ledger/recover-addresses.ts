import { type Clock, instant } from '../../base/clock.ts';
import type { Database } from '../../database/database.ts';
import type { Transaction } from '../../database/transaction.ts';
import type { PublishedCopy } from '../../epochs/adopt-copy.ts';
import { OPERATOR_DELAY_MS } from '../../payouts/address.ts';
import type { Recipient } from '../../payouts/plan-types.ts';
import {
  type AddressChange,
  addAddressChange,
  addressChanges,
  applyAddressChanges,
  lockForAddress,
} from '../../payouts/preferences-store.ts';
import { enrolledWorkers } from '../../workers/store.ts';

/**
 * Brings the addresses back at which workers were to be paid last, where the pool wrote that down for
 * itself; where it was only published, which nothing signs, it says so. Answers what a person should
 * know, in sentences.
 */
export async function bringAddresses(
  database: Database,
  { workers, isOwn }: Pick<PublishedCopy, 'workers' | 'isOwn'>,
  clock: Clock,
): Promise<readonly string[]> {
  const notes: string[] = [];
  await waitAgain(database, clock);
  const enrolled = new Map<string, Awaited<ReturnType<typeof enrolledWorkers>>[number]['worker']>(
    (await enrolledWorkers(database)).map(({ worker }) => [worker.id, worker]),
  );
  for (const { worker: id, address } of workers) {
    const worker = enrolled.get(id);
    const before = worker?.payoutAddress;
    if (!worker || worker.state === 'revoked' || !address || before?.toLowerCase() === address) {
      continue;
    }
    const { name } = worker;
    const changes = await addressChanges(database, { worker: id });
    // One that the books moved the worker away from may be from before the backup.
    if (isOwn && !changes.some(({ oldAddress }) => oldAddress === address)) {
      await moveTo(database, id, address as Recipient, clock);
      notes.push(
        `Worker ${name} was to be paid at ${address} after the backup, and is again: the backup had ${before ?? 'no address'}`,
      );
      continue;
    }
    notes.push(
      `Worker ${name} is paid at ${before ?? 'no address'} by these books, and at ${address} by what is at hand besides: ask its owner before you pay, and move it with tributary payouts address ${name} --to`,
    );
  }
  for (const { worker, newAddress } of await addressChanges(database, 'waiting')) {
    const name = enrolled.get(worker)?.name ?? worker;
    notes.push(
      `A change of worker ${name} to ${newAddress} waits for 48 hours from now on: if it was stopped after the backup, stop it again with tributary payouts address ${name} --stop`,
    );
  }
  return notes;
}

/** Changes that waited may have been stopped since, so that there is time again to do it. */
async function waitAgain(database: Database, clock: Clock): Promise<void> {
  const waiting = await addressChanges(database, 'waiting');
  const askedAt = clock.now();
  const effectiveAt = instant(askedAt + OPERATOR_DELAY_MS);
  for (const { worker, newAddress } of waiting) {
    await database.transact((tx) => ask(tx, worker, { newAddress, askedAt, effectiveAt }));
  }
}

async function moveTo(
  database: Database,
  ref: string,
  newAddress: Recipient,
  clock: Clock,
): Promise<void> {
  const at = clock.now();
  await database.transact(async (tx) => {
    const isAsked = await ask(tx, ref, { newAddress, askedAt: at, effectiveAt: at });
    if (isAsked) await applyAddressChanges(tx, at);
  });
}

/** A change of address as the operator asks for it; false when there is no such worker. */
async function ask(
  tx: Transaction,
  ref: string,
  change: Pick<AddressChange, 'newAddress' | 'askedAt' | 'effectiveAt'>,
): Promise<boolean> {
  const found = await lockForAddress(tx, ref);
  if (!found) return false;
  const { worker, nonce, address: oldAddress } = found;
  await addAddressChange(tx, { worker, nonce, oldAddress, askedBy: 'operator', ...change });
  return true;
}
