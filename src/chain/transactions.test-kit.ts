import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Hex } from 'viem';
import { privateKeyToAddress } from 'viem/accounts';
import { hex, parseHex } from '../base/bytes.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Log, quiet } from '../base/log.ts';
import { createMetrics } from '../base/metrics.ts';
import type { Database } from '../database/database.ts';
import type { Intent, IntentId, JournalRules } from './journal-types.ts';
import type { Finality } from './networks.ts';
import { openProviders, type Providers } from './providers.ts';
import { signTransaction } from './sign-transaction.ts';
import { openTransactions, type Transactions } from './transactions.ts';
import type { TransactionSigner } from './transactions-sign.ts';

/** An account of its own for each test, with its key. */
export interface TestAccount {
  readonly chainId: number;
  readonly address: Hex;
  readonly key: Hex;
}

/** Fast enough for a test, slow enough for two cores. */
export const TEST_RULES = {
  resendMs: 600,
  replaceAfterMs: 300,
  giveUpAfterMs: 60_000,
  signTimeoutMs: 5_000,
  retryMs: 30,
} satisfies Partial<JournalRules>;
export const TEST_POLL_MS = 30;

/** One call of JSON-RPC to a node; throws what it refuses with. */
export async function rpc<T>(url: string, method: string, ...params: unknown[]): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = { 'content-type': 'application/json' };
  const answer = (await (await fetch(url, { method: 'POST', headers, body })).json()) as {
    result: T;
    error?: { message: string };
  };
  if (answer.error) throw new Error(answer.error.message);
  return answer.result;
}

/** Whether what takes the place of a transaction that is called off waits for a block. */
export async function isReplaced(url: string): Promise<boolean> {
  const { pending } = await rpc<{
    readonly pending: Readonly<Record<string, Readonly<Record<string, { from: Hex; to: Hex }>>>>;
  }>(url, 'txpool_content');
  const waiting = Object.values(pending).flatMap((byNonce) => Object.values(byNonce));
  return waiting.some(({ from, to }) => from === to);
}

/** A new account with 10 ETH. */
export async function newAccount(url: string, chainId: number): Promise<TestAccount> {
  const key: Hex = `0x${hex(randomBytes(32))}`;
  const address = privateKeyToAddress(key).toLowerCase() as Hex;
  await rpc(url, 'anvil_setBalance', address, `0x${(10n ** 19n).toString(16)}`);
  return { chainId, address, key };
}

/** Signs everything. */
export function signerOf({ key }: TestAccount): TransactionSigner {
  const bytes = parseHex(key) ?? new Uint8Array();
  return { signTransaction: async (_, tx) => ({ ok: true, ...signTransaction(bytes, tx) }) };
}

/** Sends a wei to somebody, so that what is done can be counted. */
export function payment(id: string, to: Hex, change: Partial<Intent> = {}): Intent {
  const what = { to, value: 1n, data: '0x', gasLimit: 30_000n, worthWei: undefined } as const;
  return { id: id as IntentId, ...what, ...change };
}

/** An address that nobody else pays. */
export function newRecipient(): Hex {
  return `0x${hex(randomBytes(20))}`;
}

export async function balance(url: string, address: Hex): Promise<bigint> {
  return BigInt(await rpc<Hex>(url, 'eth_getBalance', address, 'latest'));
}

/** What a test starts; everything is closed when it ends. */
export interface SenderOptions {
  readonly database: Database;
  readonly urls: readonly string[];
  readonly account: TestAccount;
  readonly signing?: TransactionSigner;
  readonly rules?: Partial<JournalRules>;
  readonly finality?: Finality;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly wrap?: (providers: Providers) => Providers;
}

export interface Sender extends AsyncDisposable {
  readonly transactions: Transactions;
  readonly providers: Providers;
  readonly metrics: ReturnType<typeof createMetrics>;
}

export async function startSender(
  options: SenderOptions,
  t?: Pick<TestContext, 'after'>,
): Promise<Sender> {
  const { database, account, clock = systemClock, log = quiet } = options;
  const metrics = createMetrics();
  const opened = await openProviders({
    urls: options.urls,
    chainId: account.chainId,
    ...{ clock, log, metrics },
  });
  const providers = options.wrap?.(opened) ?? opened;
  const transactions = await openTransactions({
    ...{ database, providers, clock, log, metrics },
    signing: options.signing ?? signerOf(account),
    account: { chainId: account.chainId, address: account.address },
    rules: { ...TEST_RULES, ...options.rules },
    finality: options.finality ?? { depth: 0 },
    pollMs: TEST_POLL_MS,
  });
  const sender: Sender = {
    transactions,
    providers,
    metrics,
    async [Symbol.asyncDispose]() {
      await transactions.close();
      await opened.close();
    },
  };
  t?.after(() => sender[Symbol.asyncDispose]());
  return sender;
}
