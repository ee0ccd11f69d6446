import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Address } from 'viem';
import { systemClock } from '../../base/clock.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { quiet } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { exitCode } from '../../base/terminal.ts';
import { resolveContracts } from '../../chain/contracts.ts';
import { networkOf } from '../../chain/networks.ts';
import { openProviders } from '../../chain/providers.ts';
import { type Database, openDatabase } from '../../database/database.ts';
import { closeNow } from '../../epochs/close.ts';
import { noteRecovery } from '../../ledger/books-mark.ts';
import { openEpoch } from '../../ledger/epoch-store.ts';
import { createReceiptKeys } from '../../ledger/receipt-keys.ts';
import { noteReceiptHome, receiptsAfter, receiptsStart } from '../../ledger/receipts-store.ts';
import { findMissingReceipts, takeBackReceipts } from '../../ledger/recover-receipts.ts';
import { journalAccounts, recoverAccount } from '../../payouts/recover-chain.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { decodeReceipt, type SignedReceipt } from '../../proofs/receipt.ts';
import { readReceiptsFile } from '../../proofs/receipts-file.ts';
import { createTermsService, type TermsService } from '../../terms/terms-service.ts';

interface Wanted {
  readonly dataDir?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly receipts?: string | undefined;
  readonly ethUrl: readonly string[];
  readonly controller?: Address | undefined;
}

type Print = (text: string) => void;

/**
 * `tributary ledger recover`: after this, what workers were given receipts for and what the chain says
 * was paid is in the books, or named. The pool starts only once it was run.
 */
export async function recoverBooks(wanted: Wanted, print: Print): Promise<number> {
  const place = wanted.databaseUrl
    ? { url: wanted.databaseUrl }
    : { dataDir: wanted.dataDir ?? '' };
  const database = await openDatabase(place);
  try {
    await database.migrate();
    if (wanted.ethUrl.length === 0 && (await journalAccounts(database)).length > 0) {
      const text = 'The chain may know of payouts after the backup: give --eth-url.';
      throw new TributaryError('setting_missing', text);
    }
    // What is taken back is written in this cluster, and numbered by it.
    await noteReceiptHome(database);
    const terms = createTermsService({
      ...{ database, hashing: nodeHashing, clock: systemClock },
      sign() {
        throw new TributaryError('internal', 'nothing is promised while books are recovered');
      },
    });
    const gaps = await recoverWork(database, terms, wanted.receipts, print);
    await recoverChain(database, terms, wanted, print);
    await noteRecovery(database);
    for (const gap of gaps) print(`Gap: ${gap}.`);
    print('Tickets that came after the backup are in no book: once the pool runs,');
    print('`tributary payouts reconcile` shows what the chain has more.');
    return gaps.length === 0 ? exitCode.ok : exitCode.failed;
  } finally {
    await database.close();
  }
}

/** Takes back what workers hold receipts for, epoch by epoch, as they were given. */
async function recoverWork(
  database: Database,
  terms: TermsService,
  dir: string | undefined,
  print: Print,
): Promise<readonly string[]> {
  const held = dir === undefined ? [] : await receiptsIn(dir);
  const identity = await identityOf(database, held);
  if (!identity) {
    print('No receipts were given.');
    return [];
  }
  const keys = (await createReceiptKeys(database).all()).map(({ publicKey }) => publicKey);
  const { missing, gaps } = await findMissingReceipts(database, held, { identity, keys });
  print(`${held.length} receipts of workers were read; ${missing.length} are not in the books.`);
  const last = missing.reduce((most, { receipt }) => max(most, receipt.epoch), 0n);
  const closing = { database, terms, hashing: nodeHashing, clock: systemClock };
  for (;;) {
    const { number } = await openEpoch(database);
    const count = await takeBackReceipts(database, missing);
    if (count > 0) print(`${count} jobs of epoch ${number} are in the books again.`);
    if (number >= last) return gaps;
    await closeNow({ ...closing, recognise: async () => {} });
    print(
      `Epoch ${number} had ended after the backup and is closed again: its record is a new one.`,
    );
  }
}

async function receiptsIn(dir: string): Promise<readonly SignedReceipt[]> {
  const names = await readdir(dir, { recursive: true }).catch((cause: unknown) => {
    throw new TributaryError('input_missing', `${dir} cannot be read (${messageOf(cause)}).`);
  });
  const all: SignedReceipt[] = [];
  for (const name of names.filter((one) => one.endsWith('.receipts')).sort()) {
    const read = readReceiptsFile(await readFile(join(dir, name)));
    if (!read.ok) throw new TributaryError('input_missing', `${name}: ${read.text}.`);
    all.push(...read.receipts);
  }
  return all;
}

/** In whose name the pool gave receipts until now; those of workers say it where it gave none. */
async function identityOf(database: Database, held: readonly SignedReceipt[]) {
  const [stored] = await receiptsAfter(database, receiptsStart, 1);
  const one = (stored && decodeReceipt(stored.body)) ?? held[0]?.receipt;
  return one && { pool: one.pool, chainId: one.chainId };
}

/** Finds what the accounts of the pool sent after the backup. */
async function recoverChain(
  database: Database,
  terms: TermsService,
  { ethUrl, controller: given }: Wanted,
  print: Print,
): Promise<void> {
  if (ethUrl.length === 0) return;
  const parts = { clock: systemClock, log: quiet, metrics: createMetrics() };
  const providers = await openProviders({ urls: ethUrl, ...parts });
  try {
    const controller = given ?? networkOf(providers.chainId).controller;
    if (!controller) throw new TributaryError('controller_missing', 'No --controller is given.');
    const { bondingManager } = await resolveContracts(providers, controller);
    const { assets } = await terms.of((await terms.list()).current);
    for (const account of await journalAccounts(database, providers.chainId)) {
      const found = await recoverAccount(
        { database, providers, assets, bondingManager, clock: systemClock },
        account,
      );
      print(`${found.length} transactions of ${account.address} were not in the books.`);
      for (const { transaction, as, lines } of found) {
        print(`  ${transaction}${as === 'adopted' ? ' is of' : ''} ${lines.join('; ')}`);
      }
    }
  } finally {
    await providers.close();
  }
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
