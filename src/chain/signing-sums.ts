import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Hex } from 'viem';
import { TributaryError } from '../base/errors.ts';
import {
  greaterOf,
  nothing,
  type Spending,
  type Spent,
  sumOf,
  tokensOf,
} from './signing-policy.ts';

/** The limits are for any span of this length: a calendar's day would allow two within an hour. */
const DAY_MS = 24 * 3_600_000;
/** 10,000 transactions in a day are one every 9 s: far beyond the duties of a pool. */
const TRANSACTIONS_MAX = 10_000;
/** SQLITE_BUSY */
const BUSY = 5;

/** What was signed in the last 24 hours; survives restarts. */
export interface Sums {
  /** What bears on a transaction of this account and nonce. */
  spent(account: Hex, nonce: number): Spent;
  /**
   * Counts a transaction, durably, before its signature leaves. False when it would be one more than
   * can be counted.
   *
   * @throws TributaryError `signer_sums_unusable`: then nothing may be signed
   */
  count(account: Hex, nonce: number, spending: Spending): boolean;
  close(): void;
}

interface Charge extends Spending {
  readonly atMs: number;
}

/**
 * Opens, or makes, the file of sums, and claims it for this process: two signers that count apart
 * would sign twice the limits. `:memory:` keeps nothing.
 *
 * @throws TributaryError `signer_in_use`, `signer_sums_unusable`
 */
export function openSums(file: string, now: () => number): Sums {
  const store = openStore(file);
  const charges = new Map<string, Charge>(store.load());
  let total = [...charges.values()].reduce<Spending>(sumOf, nothing);

  // A clock that was set back drops nothing: a charge of the future counts.
  const forget = () => {
    const gone = [...charges].filter(([, { atMs }]) => atMs <= now() - DAY_MS);
    if (gone.length === 0) return;
    for (const [key] of gone) charges.delete(key);
    total = [...charges.values()].reduce<Spending>(sumOf, nothing);
    store.drop(now() - DAY_MS);
  };

  return {
    spent(account, nonce) {
      forget();
      const sameNonce = charges.get(keyOf(account, nonce)) ?? nothing;
      return { others: lessOf(total, sameNonce), sameNonce };
    },
    count(account, nonce, spending) {
      const key = keyOf(account, nonce);
      const before = charges.get(key);
      if (!before && charges.size >= TRANSACTIONS_MAX) return false;
      const charge = { ...greaterOf(before ?? nothing, spending), atMs: now() };
      store.put(key, charge);
      total = sumOf(lessOf(total, before ?? nothing), charge);
      charges.set(key, charge);
      return true;
    },
    close: () => store.close(),
  };
}

function keyOf(account: Hex, nonce: number): string {
  return `${account}:${nonce}`;
}

function lessOf(sum: Spending, part: Spending): Spending {
  const tokens = tokensOf(sum, part, (a, b) => a - b);
  return { fee: sum.fee - part.fee, eth: sum.eth - part.eth, lpt: sum.lpt - part.lpt, ...tokens };
}

/** SQLite: durable and whole after a crash, and its lock ends with the process, however sudden. */
function openStore(file: string) {
  const failed = (cause: unknown) => {
    if ((cause as { errcode?: number }).errcode === BUSY) {
      return new TributaryError('signer_in_use', `Another signer counts in ${file}.`, { cause });
    }
    return new TributaryError('signer_sums_unusable', `${file} cannot be used.`, { cause });
  };
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw failed(cause);
    }
  };
  const database = guarded(() => new DatabaseSync(file, { timeout: 0 }));
  try {
    if (file !== ':memory:') chmodSync(file, 0o600);
    database.exec(`
      pragma locking_mode = exclusive;
      pragma journal_mode = wal;
      pragma synchronous = full;
      begin exclusive;
      create table if not exists charge (
        transaction_key text primary key, at_ms integer not null,
        fee text not null, eth text not null, lpt text not null
      ) strict;
      commit;`);
    // Files of signers that knew no payouts lack it.
    const columns = database.prepare('pragma table_info(charge)').all();
    if (!columns.some(({ name }) => name === 'tokens')) {
      database.exec("alter table charge add column tokens text not null default '{}'");
    }
  } catch (cause) {
    database.close();
    throw failed(cause);
  }
  const put = database.prepare(
    'insert or replace into charge (transaction_key, at_ms, fee, eth, lpt, tokens) values (?, ?, ?, ?, ?, ?)',
  );
  const drop = database.prepare('delete from charge where at_ms <= ?');
  return {
    load: () =>
      guarded(() =>
        database
          .prepare('select transaction_key, at_ms, fee, eth, lpt, tokens from charge')
          .all()
          .map((row): [string, Charge] => [
            String(row.transaction_key),
            {
              atMs: Number(row.at_ms),
              fee: BigInt(String(row.fee)),
              eth: BigInt(String(row.eth)),
              lpt: BigInt(String(row.lpt)),
              ...tokensIn(String(row.tokens)),
            },
          ]),
      ),
    put: (key: string, { atMs, fee, eth, lpt, tokens = {} }: Charge) =>
      void guarded(() => put.run(key, atMs, `${fee}`, `${eth}`, `${lpt}`, tokensText(tokens))),
    drop: (untilMs: number) => void guarded(() => drop.run(untilMs)),
    close: () => database.close(),
  };
}

function tokensText(tokens: Readonly<Record<string, bigint>>): string {
  return JSON.stringify(tokens, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

function tokensIn(text: string): Pick<Spending, 'tokens'> {
  const entries = Object.entries(JSON.parse(text) as Record<Hex, string>);
  if (entries.length === 0) return {};
  return { tokens: Object.fromEntries(entries.map(([token, units]) => [token, BigInt(units)])) };
}
