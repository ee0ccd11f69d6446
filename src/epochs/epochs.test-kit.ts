import { randomBytes } from 'node:crypto';
import sql from 'sql-template-tag';
import { type AssetId, ETH } from '../base/asset.ts';
import { FakeClock } from '../base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  newWorkerId,
  type WorkerId,
} from '../base/ids.ts';
import { keccak256 } from '../base/keccak.ts';
import { pixels } from '../base/money.ts';
import type { Database } from '../database/database.ts';
import { openScratch } from '../database/scratch.ts';
import { account as named } from '../ledger/accounts.ts';
import { createLedger, type Ledger } from '../ledger/ledger.ts';
import type { PostingKind } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import { toHex } from '../proofs/bytes.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { type PoolIdentity, type Statement, statementDigest } from '../proofs/statement.ts';
import { addressOf, signDigest } from '../protocol/signature.ts';
import type { TermsVersion } from '../terms/store.ts';
import { createTermsService } from '../terms/terms-service.ts';
import type { ClosingParts } from './close.ts';

const OFFCHAIN: PoolIdentity = { pool: new Uint8Array(20), chainId: 0n };
const MODEL = '[model]\nkind = "proportional"';

/** The account of a pool on chain. */
export interface TestAccount {
  readonly identity: PoolIdentity;
  /** By EIP-712. */
  endorse(statement: Statement): Uint8Array;
}

/** An account out of a key of its own. */
export function testAccount(chainId = 42n): TestAccount {
  const key = randomBytes(32);
  const identity = { pool: addressOf(key), chainId };
  return {
    identity,
    endorse: (statement) => signDigest(key, statementDigest(identity, statement, keccak256)),
  };
}

/** A pool's books for tests: a database of its own, with work and income made to order. */
export interface TestBooks extends AsyncDisposable {
  readonly database: Database;
  readonly dataDir: string;
  readonly ledger: Ledger;
  readonly clock: FakeClock;
  readonly parts: ClosingParts;
  enrol(): Promise<WorkerId>;
  /** A credited job: pixels at wei per pixel. */
  work(worker: WorkerId, units: bigint, price?: bigint): Promise<void>;
  fail(worker: WorkerId): Promise<void>;
  /** Posts income, or a loss; with the hash of a transaction where one is given. */
  earn(
    amount: bigint,
    how?: { asset?: AssetId; kind?: PostingKind; transaction?: string },
  ): Promise<void>;
  spendGas(wei: bigint, transaction: string): Promise<void>;
  /** Publishes terms that settle epochs from the next one on. */
  publish(toml: string, model?: string): Promise<TermsVersion>;
}

export async function openBooks(account?: TestAccount): Promise<TestBooks> {
  const scratch = await openScratch();
  const { database, dataDir } = scratch;
  const clock = new FakeClock();
  const ledger = createLedger({
    database,
    ...(account ? { receipts: { issuer: () => account.identity } } : {}),
  });
  const terms = createTermsService({
    database,
    clock,
    hashing: nodeHashing,
    async sign(statement) {
      if (account) return { accountSignature: toHex(account.endorse(statement)) };
      const signed = await ledger.keys.sign(OFFCHAIN, statement);
      return { key: toHex(signed.key), signature: toHex(signed.signature) };
    },
  });
  let events = 0;

  const attempt = (worker: WorkerId) => ({
    job: newJobId(clock.now()),
    attempt: 1,
    task: newTaskId(),
    worker,
    connection: newConnectionId(),
    session: newSessionId(),
    sourceDurationMs: 2_000,
    sourceBytes: 1_000,
    sourceHash: Uint8Array.from(randomBytes(32)),
    timings: { queuedMs: 1, fetchedMs: 2, uploadedMs: 502 },
    at: clock.now(),
  });

  return {
    database,
    dataDir,
    ledger,
    clock,
    parts: {
      database,
      hashing: nodeHashing,
      clock,
      recognise: async () => undefined,
      terms,
    },
    async enrol() {
      const id = newWorkerId();
      await database.query(sql`insert into worker (id, name) values (${id}, ${id})`);
      return id;
    },
    async work(worker, units, price) {
      await ledger.append({
        ...attempt(worker),
        ...(price === undefined ? {} : { price: { numerator: price, denominator: 1n } }),
        verdict: 'credited',
        profiles: [
          {
            name: 'P240p',
            width: 320,
            height: 240,
            frames: 1,
            pixels: pixels(units),
            bytes: 10,
            hash: Uint8Array.from(randomBytes(32)),
          },
        ],
        pixels: pixels(units),
      });
    },
    async fail(worker) {
      await ledger.append({ ...attempt(worker), verdict: 'late', reason: 'too_late' });
    },
    async earn(amount, { asset = ETH, kind = 'ticket_redeemed', transaction } = {}) {
      events += 1;
      await database.transact((tx) =>
        post(tx, {
          cause: `test:${events}`,
          kind,
          at: clock.now(),
          entries: [
            { account: named('bonding_fees'), asset, amount },
            { account: named('income'), asset, amount: -amount },
          ],
          ...(transaction === undefined ? {} : { facts: { transaction } }),
        }),
      );
    },
    async spendGas(wei, transaction) {
      events += 1;
      await database.transact((tx) =>
        post(tx, {
          cause: `test:${events}`,
          kind: 'gas',
          at: clock.now(),
          entries: [
            { account: named('gas'), asset: ETH, amount: wei },
            { account: named('treasury'), asset: ETH, amount: -wei },
          ],
          facts: { transaction },
        }),
      );
    },
    publish: (toml, model = MODEL) =>
      terms.publish(`name = "Test"\ncommission = "10%"\n${toml}\n${model}`, 'next'),
    async [Symbol.asyncDispose]() {
      await ledger.close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}
