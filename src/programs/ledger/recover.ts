import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Address, Hex } from 'viem';
import { openPublished, type PublishedFiles, publishedPlace } from '../../api/published-files.ts';
import { exactAmount } from '../../base/amounts.ts';
import { hex } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { keccak256 } from '../../base/keccak.ts';
import { quiet } from '../../base/log.ts';
import { createMetrics } from '../../base/metrics.ts';
import { exitCode } from '../../base/terminal.ts';
import { resolveContracts } from '../../chain/contracts.ts';
import type { JournalAccount } from '../../chain/journal-store.ts';
import { networkOf } from '../../chain/networks.ts';
import { openProviders } from '../../chain/providers.ts';
import { type Database, openDatabase } from '../../database/database.ts';
import { hasEmbedded } from '../../database/embedded.ts';
import { type Adopted, adoptEpoch } from '../../epochs/adopt.ts';
import { openCopy, openKept, type PublishedCopy } from '../../epochs/adopt-copy.ts';
import {
  type BringDisputesParts,
  type BroughtDisputes,
  openBroughtDisputes,
} from '../../epochs/adopt-disputes.ts';
import { recogniseRewards } from '../../epochs/adopt-income.ts';
import { closeNow } from '../../epochs/close.ts';
import { workerLines } from '../../epochs/read-epochs.ts';
import { noteRecovered } from '../../epochs/record-store.ts';
import { RECOVERY } from '../../epochs/recovery-files.ts';
import { noteRecovery } from '../../ledger/books-mark.ts';
import { openEpoch } from '../../ledger/epoch-store.ts';
import { createReceiptKeys } from '../../ledger/receipt-keys.ts';
import { noteReceiptHome, receiptsAfter, receiptsStart } from '../../ledger/receipts-store.ts';
import { findMissingReceipts, takeBackReceipts } from '../../ledger/recover-receipts.ts';
import { endNoted } from '../../notices/events-store.ts';
import type { Recipient } from '../../payouts/plan-types.ts';
import { journalAccounts, recoverAccounts } from '../../payouts/recover-chain.ts';
import { bookByFile } from '../../payouts/recover-file.ts';
import { type FoundTickets, recogniseFound, recoverTickets } from '../../payouts/recover-income.ts';
import { noteLookedTo, sentCount } from '../../payouts/sent-check.ts';
import { createStakeOnChain, orchestratorAmong } from '../../payouts/stake-on-chain.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../proofs/node-signatures.ts';
import { decodeReceipt, type SignedReceipt } from '../../proofs/receipt.ts';
import { readReceiptsFile } from '../../proofs/receipts-file.ts';
import type { PoolIdentity } from '../../proofs/statement.ts';
import { recover } from '../../protocol/signature.ts';
import { createTermsService, type TermsService } from '../../terms/terms-service.ts';

import { bringAddresses } from './recover-addresses.ts';

interface Wanted {
  readonly dataDir?: string | undefined;
  readonly databaseUrl?: string | undefined;
  readonly receipts?: string | undefined;
  readonly published?: string | undefined;
  readonly recovery?: string | undefined;
  readonly ethUrl: readonly string[];
  readonly controller?: Address | undefined;
}

type Print = (text: string) => void;

/**
 * `tributary ledger recover`: after this, what workers were given receipts for, what was published and
 * what the chain says was paid is in the books, or named. The pool starts only once it was run.
 */
export async function recoverBooks(wanted: Wanted, print: Print): Promise<number> {
  const place = wanted.databaseUrl
    ? { url: wanted.databaseUrl }
    : { dataDir: wanted.dataDir ?? '' };
  if ('dataDir' in place && !(await hasEmbedded(place.dataDir))) {
    const text = `There is no database of a pool below ${place.dataDir}: --data-dir must name its data directory.`;
    throw new TributaryError('setting_invalid', text);
  }
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
    const held = wanted.receipts === undefined ? [] : await receiptsIn(wanted.receipts);
    const given = { held, identity: await identityOf(database, held) };
    const copy = await copyFor(database, terms, wanted, given, print);
    const sent = await recoverChain(database, terms, { ...wanted, ...given, copy }, print);
    const gaps = await recoverEpochs(database, terms, { ...given, copy }, print);
    for (const { account, count } of sent) await noteLookedTo(database, account, count);
    const { assets } = await terms.of((await terms.list()).current);
    for (const line of await bookByFile(database, copy.payouts, assets)) print(`${line}.`);
    for (const note of await bringAddresses(database, copy, systemClock)) print(`${note}.`);
    await noteRecovery(database);
    for (const gap of gaps) print(`Gap: ${gap}.`);
    return gaps.length === 0 ? exitCode.ok : exitCode.failed;
  } finally {
    await database.close();
  }
}

interface Given {
  readonly held: readonly SignedReceipt[];
  readonly identity: PoolIdentity | undefined;
}

interface Copy extends PublishedCopy {
  readonly disputes: BroughtDisputes;
  readonly adopt: (epoch: bigint) => Promise<Adopted>;
}

/** What was published, held against the books; without an epoch where nothing of it is at hand. */
async function copyFor(
  database: Database,
  terms: TermsService,
  { published, recovery, dataDir }: Wanted,
  { identity }: Given,
  print: Print,
): Promise<Copy> {
  const source = published ?? (dataDir && join(dataDir, 'proofs'));
  const isThere = source !== undefined && source !== 'none';
  const place = isThere ? openPublished(await publishedPlace(source)) : undefined;
  const files = (await place?.read('index.json')) === undefined ? undefined : place;
  if (!files) {
    if (published !== undefined && published !== 'none') {
      throw new TributaryError('input_missing', `${published} holds no published epochs.`);
    }
    print('No copy of what the pool published is at hand (--published).');
  }
  const kept = await keptFiles(recovery, dataDir);
  const disputes = await openDisputes(database, terms, { published: files, kept });
  if (!files) {
    const own = await openKept({ database, kept, disputes });
    for (const note of own.notes) print(`${note}.`);
    const nothing = async () => {
      throw new TributaryError('internal', 'there is no copy to take an epoch over from');
    };
    return { ...own, last: 0n, payouts: [], disputes, adopt: nothing };
  }
  const hashes = { hashing: nodeHashing, keccak256, recover };
  const verify = { files, chain: undefined, verifyEd25519: nodeVerifyEd25519, ...hashes };
  const keys = new Set((await createReceiptKeys(database).all()).map((key) => hex(key.publicKey)));
  const parts = { database, clock: systemClock, verify, kept, keys, disputes };
  const copy = await openCopy({ ...parts, identity, isPools: published === undefined });
  for (const note of copy.notes) print(`${note}.`);
  return { ...copy, disputes, adopt: (epoch) => adoptEpoch({ ...parts, terms }, epoch) };
}

/** Disputes after the backup. Who was to be told of them has been told. */
function openDisputes(
  database: Database,
  terms: TermsService,
  places: Pick<BringDisputesParts, 'published' | 'kept'>,
): Promise<BroughtDisputes> {
  const told: BringDisputesParts['told'] = (tx, sequences) =>
    endNoted(
      tx,
      sequences.map((sequence) => `dispute:${sequence}`),
      systemClock.now(),
    );
  const parts = { database, terms, hashing: nodeHashing, statement: workerLines, told };
  return openBroughtDisputes({ ...parts, ...places });
}

/** What the pool kept for itself: never beside a copy, which may be of somebody else. */
async function keptFiles(
  given: string | undefined,
  dataDir: string | undefined,
): Promise<PublishedFiles | undefined> {
  const dir = given ?? (dataDir && join(dataDir, RECOVERY));
  if (dir && (await stat(dir).catch(() => undefined))?.isDirectory()) return openPublished(dir);
  if (given === undefined) return undefined;
  throw new TributaryError('input_missing', `${given} is no folder.`);
}

/**
 * Goes through the epochs since the backup: each is closed as it was published, or closed anew, and
 * gets back what workers hold receipts for. Answers what is missing, in sentences.
 */
async function recoverEpochs(
  database: Database,
  terms: TermsService,
  { held, identity, copy }: Given & { readonly copy: Copy },
  print: Print,
): Promise<readonly string[]> {
  const keys = (await createReceiptKeys(database).all()).map(({ publicKey }) => publicKey);
  const closing = { database, terms, hashing: nodeHashing, clock: systemClock };
  const gaps: string[] = [];
  const known = identity ? { identity, keys } : undefined;
  if (!known) print('No receipts were given.');
  let disputes: Awaited<ReturnType<BroughtDisputes['bringRest']>> | undefined;
  for (let isFirst = true; ; isFirst = false) {
    const { number } = await openEpoch(database);
    const found = known && (await findMissingReceipts(database, held, known));
    const missing = found?.missing ?? [];
    if (isFirst && known) {
      print(
        `${held.length} receipts of workers were read; ${missing.length} are not in the books.`,
      );
    }
    const count = await takeBackReceipts(database, missing);
    if (count > 0) print(`${count} jobs of epoch ${number} are in the books again.`);
    if (number <= copy.last) {
      const adopted = await copy.adopt(number);
      gaps.push(...adopted.gaps);
      print(`Epoch ${number} had ended after the backup and is closed as it was published.`);
      continue;
    }
    if (!disputes) {
      disputes = await copy.disputes.bringRest();
      const { count: brought } = disputes;
      if (brought > 0) print(`${brought} events of disputes are in the books again.`);
      gaps.push(...disputes.gaps);
    }
    const income = await database.transact((tx) => recogniseFound(tx, systemClock));
    if (income > 0n) print(`${income} wei of it are income of epoch ${number}.`);
    const rewards = await database.transact((tx) => recogniseRewards(tx, systemClock));
    if (rewards > 0n) {
      print(`${exactAmount(rewards)} LPT of rewards are income of epoch ${number}.`);
    }
    await noteRecovered(database, number);
    const last = missing.reduce((most, { receipt }) => max(most, receipt.epoch), 0n);
    if (number >= last) {
      print(`The record of epoch ${number} will say that its books came out of a backup.`);
      return [...gaps, ...(found?.gaps ?? [])];
    }
    await closeNow({ ...closing, recognise: async () => {} });
    print(
      `Epoch ${number} had ended after the backup and is closed again: its record is a new one,`,
    );
    print('and says so. Who kept the old one sees another digest, and may see other amounts.');
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

/** How many transactions of an account were looked at. */
interface Sent {
  readonly account: JournalAccount;
  readonly count: bigint;
}

/** Finds what the accounts of the pool sent after the backup. */
async function recoverChain(
  database: Database,
  terms: TermsService,
  { ethUrl, controller: given, identity, copy }: Wanted & Given & { readonly copy: Copy },
  print: Print,
): Promise<readonly Sent[]> {
  if (ethUrl.length === 0) return [];
  const parts = { clock: systemClock, log: quiet, metrics: createMetrics() };
  const providers = await openProviders({ urls: ethUrl, ...parts });
  try {
    const controller = given ?? networkOf(providers.chainId).controller;
    if (!controller) throw new TributaryError('controller_missing', 'No --controller is given.');
    const { bondingManager, ticketBroker, token } = await resolveContracts(providers, controller);
    const recipient = identity && (`0x${hex(identity.pool)}` as Hex);
    const found =
      recipient && (await recoverTickets({ database, providers, broker: ticketBroker }, recipient));
    print(ticketsText(found));
    const { assets } = await terms.of((await terms.list()).current);
    const accounts = await journalAccounts(database, providers.chainId);
    const sent: Sent[] = [];
    for (const account of accounts) {
      sent.push({ account, count: await sentCount(providers, account) });
    }
    const contracts = { bondingManager, token };
    const treasury = accounts.map(({ address }) => address.toLowerCase() as Recipient);
    const known = { providers, ...contracts, treasury };
    // A pool that never gave a receipt may have been rewarded all the same.
    const orchestrator = recipient ?? (await orchestratorAmong(known, treasury));
    const stake = orchestrator && {
      orchestrator,
      onChain: createStakeOnChain({ ...known, orchestrator }),
    };
    // Of somebody else's copy nothing says that they are right.
    const addresses = (copy.isOwn ? copy.workers : []).flatMap(({ worker, address }) =>
      address ? [{ worker, address }] : [],
    );
    const paidAfter = { listed: copy.payouts, addresses };
    const wanted = { database, providers, assets, ...contracts, stake, paidAfter };
    const all = await recoverAccounts(wanted, accounts);
    for (const address of new Set([...treasury, ...(orchestrator ? [orchestrator] : [])])) {
      const own = all.filter(({ account }) => account.toLowerCase() === address);
      if (own.length === 0 && !treasury.includes(address)) continue;
      print(`${own.length} transactions of ${address} were not in the books.`);
      for (const { transaction, as, lines } of own) {
        print(`  ${transaction}${as === 'adopted' ? ' is of' : ''} ${lines.join('; ')}`);
      }
    }
    return sent;
  } finally {
    await providers.close();
  }
}

function ticketsText(found: FoundTickets | undefined): string {
  if (!found)
    return 'The books do not say from which block on tickets of the pool are to be found.';
  const { redeemed, paidWei, atLeast, worthWei } = found;
  const lost = 'Tickets that came after the backup and were not redeemed are in no book';
  if (redeemed === 0n) return `No ticket was redeemed that the books do not know. ${lost}.`;
  return `${redeemed} redeemed tickets were not in the books: ${paidWei} wei. ${lost}; by their numbers at least ${atLeast} tickets came, these included, worth ${worthWei} wei on average.`;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
