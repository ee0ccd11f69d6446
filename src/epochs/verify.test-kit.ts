import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instant } from '../base/clock.ts';
import { keccak256 } from '../base/keccak.ts';
import type { Database } from '../database/database.ts';
import { toHex } from '../proofs/bytes.ts';
import { epochStatement, headDigest, identityOf } from '../proofs/epoch-proofs.ts';
import * as files from '../proofs/files.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../proofs/node-signatures.ts';
import { type SignedReceipt, splitSigned } from '../proofs/receipt.ts';
import { recover } from '../protocol/signature.ts';
import { closeNow } from './close.ts';
import { openBooks, type TestAccount, type TestBooks, testAccount } from './epochs.test-kit.ts';
import type { FinalPayouts, PublishedPayout } from './payout-lists.ts';
import { type PublishingParts, publish } from './publish.ts';
import { recordEpochs } from './record.ts';
import { verifyPool } from './verify.ts';
import type {
  ChainTransaction,
  PublishedFiles,
  Verdict,
  VerifyChain,
  VerifyParts,
} from './verify-types.ts';

/** Contracts of the test's chain. */
export const TICKET_BROKER = `0x${'b1'.repeat(20)}`;
export const DISPERSE = `0x${'d1'.repeat(20)}`;

const topic = (event: string) => `0x${toHex(keccak256(new TextEncoder().encode(event)))}`;
const word = (value: bigint | string) =>
  (typeof value === 'bigint' ? value.toString(16) : value.slice(2)).padStart(64, '0');

/** A pool with published epochs and a chain beside it: what the verifier is tried on. */
export interface Published extends AsyncDisposable {
  readonly books: TestBooks;
  readonly account: TestAccount;
  readonly parts: PublishingParts;
  /** The transactions of the chain, by hash. */
  readonly chain: Map<string, ChainTransaction>;
  /** A ticket's redemption on the chain: its hash. */
  redeemed(amount: bigint): string;
  /** A payment on the chain: its hash. */
  sent(to: string, amount: bigint): string;
  pay(payout: Omit<PublishedPayout, 'at' | 'id'>): void;
  close(): Promise<bigint>;
  /** Everything that a worker was given. */
  receiptsOf(worker: string): Promise<readonly SignedReceipt[]>;
  /** The published files as they are. */
  files(): Promise<Map<string, string>>;
  /** Signs heads from an epoch on and the index anew, as a pool would that lies consistently. */
  reseal(published: Map<string, string>, epoch: bigint): Promise<void>;
  /** Signs the head of one epoch as it is, and lets the index name it. */
  seal(published: Map<string, string>, epoch: bigint): Promise<void>;
  verify(
    worker: string,
    given?: {
      readonly files?: ReadonlyMap<string, string>;
      readonly receipts?: readonly SignedReceipt[] | undefined;
      readonly chain?: ReadonlyMap<string, ChainTransaction>;
      readonly final?: bigint;
      readonly kept?: PublishedFiles;
    },
  ): Promise<Verdict>;
}

/** `payouts`: where its payouts come from, if not from {@link Published.pay}. */
export async function publishedPool(
  how: { readonly payouts?: (database: Database) => FinalPayouts } = {},
): Promise<Published> {
  const account = testAccount();
  const books = await openBooks(account);
  const dir = await mkdtemp(join(tmpdir(), 'tributary-verify-'));
  const pool = `0x${toHex(account.identity.pool)}`;
  const payouts: PublishedPayout[] = [];
  const chain = new Map<string, ChainTransaction>();
  const addresses = new Map<string, string>();
  let count = 0;

  const parts: PublishingParts = {
    ...books.parts,
    dir,
    recoveryDir: join(books.dataDir, 'recovery'),
    identity: account.identity,
    sign: (...args) => books.ledger.keys.sign(...args),
    keys: () => books.ledger.keys.all(),
    account: account.identity.pool,
    endorse: async (statement) => account.endorse(statement),
    workers: async () =>
      [...addresses].map(([worker, address]) => ({ worker, name: `rig-${worker}`, address })),
    payouts: how.payouts?.(books.database) ?? {
      since: async (from = 0 as Instant) => payouts.filter(({ at }) => at >= from),
      marks: async (starts) => [undefined, ...starts].map(() => String(payouts.length)),
    },
  };

  function mined(transaction: Partial<ChainTransaction>): string {
    count += 1;
    const hash = `0x${count.toString(16).padStart(64, '0')}`;
    chain.set(hash, {
      from: pool,
      to: undefined,
      value: 0n,
      input: '0x',
      block: BigInt(count),
      succeeded: true,
      gasWei: 21_000n,
      logs: [],
      ...transaction,
    });
    return hash;
  }

  const chainOf = (mined: ReadonlyMap<string, ChainTransaction>, final: bigint): VerifyChain => ({
    chainId: async () => account.identity.chainId,
    finalBlock: async () => final,
    transaction: async (hash) => mined.get(hash),
    contracts: {
      ticketBroker: TICKET_BROKER,
      bondingManager: undefined,
      livepeerToken: undefined,
      disperse: DISPERSE,
    },
  });

  async function published(): Promise<Map<string, string>> {
    await publish(parts);
    return filesIn(dir);
  }

  async function seal(changed: Map<string, string>, epoch: bigint, how?: 'chained'): Promise<void> {
    const index = must(files.parseIndex(changed.get('index.json') as string));
    const path = `epoch-${epoch}/epoch.json`;
    const { head: old } = must(files.parseSignedEpoch(changed.get(path) as string));
    const before = index.epochs.find((one) => one.epoch === epoch - 1n);
    const head = how && before ? { ...old, previous: before.digest } : old;
    const statement = epochStatement(head, nodeHashing);
    const { key, signature } = await books.ledger.keys.sign(identityOf(index), statement);
    changed.set(path, files.writeFile({ head, key: toHex(key), signature: toHex(signature) }));
    const digest = headDigest(head, nodeHashing);
    const epochs = index.epochs.map((one) => (one.epoch === epoch ? { epoch, digest } : one));
    changed.set('index.json', files.writeFile({ ...index, epochs }));
  }

  return {
    books,
    account,
    parts,
    chain,
    redeemed: (amount) =>
      mined({
        to: TICKET_BROKER,
        logs: [
          {
            address: TICKET_BROKER,
            topics: [
              topic('WinningTicketTransfer(address,address,uint256)'),
              `0x${word(`0x${'77'.repeat(20)}`)}`,
              `0x${word(pool)}`,
            ],
            data: `0x${word(amount)}`,
          },
        ],
      }),
    sent: (to, amount) => mined({ to, value: amount }),
    pay(payout) {
      addresses.set(payout.worker, payout.to ?? '');
      payouts.push({ ...payout, id: `payout-${payouts.length}`, at: books.clock.now() + 1 });
    },
    async close() {
      books.clock.advance(10);
      const { number } = await closeNow(books.parts);
      await recordEpochs(parts);
      await publish(parts);
      return number;
    },
    async receiptsOf(worker) {
      const stored = await books.ledger.receiptsOf(worker as never, 0n);
      const signed = stored.map(async ({ body }) => books.ledger.signed(body));
      return (await Promise.all(signed)).map(
        (bytes) => splitSigned(bytes as Uint8Array) as SignedReceipt,
      );
    },
    files: published,
    async reseal(changed, from) {
      const index = must(files.parseIndex(changed.get('index.json') as string));
      for (const { epoch } of index.epochs)
        if (epoch >= from) await seal(changed, epoch, 'chained');
    },
    seal,
    async verify(
      worker,
      { files: given, receipts, chain: mined = chain, final = 1_000_000n, kept } = {},
    ) {
      const texts = given ?? (await published());
      const verifying: VerifyParts = {
        files: { read: async (path) => texts.get(path) },
        chain: chainOf(mined, final),
        hashing: nodeHashing,
        verifyEd25519: nodeVerifyEd25519,
        keccak256,
        recover,
      };
      return verifyPool({ worker, receipts, kept }, verifying);
    },
    async [Symbol.asyncDispose]() {
      await books[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

/** What stands in a folder of published files, by path. */
export async function filesIn(dir: string): Promise<Map<string, string>> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = names.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const texts = paths.map(
    async (path) => [path.slice(dir.length + 1), await readFile(path, 'utf8')] as const,
  );
  return new Map(await Promise.all(texts));
}

function must<T>(parsed: files.Parsed<T>): T {
  if (parsed.ok) return parsed.file;
  throw new Error(parsed.text);
}

/** Changes one JSON file of what is published, leaving it canonical. */
export function edit<T>(
  published: Map<string, string>,
  path: string,
  change: (file: T) => void,
): void {
  const file = JSON.parse(published.get(path) as string) as T;
  change(file);
  published.set(path, JSON.stringify(sorted(file)));
}

/** By what a head names a text. */
export function digestText(text: string): string {
  return toHex(nodeHashing.sha256(new TextEncoder().encode(text)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
