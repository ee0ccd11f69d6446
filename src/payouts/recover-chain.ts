import sql from 'sql-template-tag';
import { decodeFunctionData, type Hex, type RpcTransaction } from 'viem';
import { type AssetId, ETH } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { disperseAbi } from '../chain/abi/disperse.ts';
import { DISPERSE } from '../chain/disperse.ts';
import { type JournalAccount, loadJournal, storeStep } from '../chain/journal-store.ts';
import type { Attempt, BoundEntry, OpenEntry } from '../chain/journal-types.ts';
import { networkOf } from '../chain/networks.ts';
import type { Providers } from '../chain/providers.ts';
import { findFinal, type SignedByAccount, signedByAccount } from '../chain/transactions-find.ts';
import { field, quantity } from '../chain/transactions-look.ts';
import type { Database } from '../database/database.ts';
import { account as named } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { addressBytes, chainMove } from '../ledger/income.ts';
import { feesWithdrawn, gasSpent, type Posting } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';
import { type ReceiptLog, receiptLogs, transferIn } from './logs.ts';
import type { Recipient } from './plan-types.ts';
import { sentCount } from './sent-check.ts';

/** What looking for forgotten transactions needs. */
export interface RecoverParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly assets: Readonly<Record<AssetId, AssetKind>>;
  readonly bondingManager: Hex;
}

/** What became of one of them. */
export interface Recovered {
  readonly transaction: Hex;
  /** `adopted`: the books wanted it, and its journal goes on with these bytes; `booked`: by what it moved. */
  readonly as: 'adopted' | 'booked';
  /** Sentences: what it paid to whom. */
  readonly lines: readonly string[];
}

/**
 * Finds the transactions that an account of the pool sent and its books do not know, as after a
 * backup was restored. One that an open intent wanted becomes its own, so that it is never sent again;
 * any other is booked by what it moved. Throws `rpc_unavailable`, and `recovery_waits` while one of
 * them is not final or cannot be read.
 */
export async function recoverAccount(
  parts: RecoverParts,
  account: JournalAccount,
): Promise<readonly Recovered[]> {
  const { database, providers } = parts;
  const { entries } = await database.transact((tx) => loadJournal(tx, account));
  const count = await sentCount(providers, account);
  const bound = entries.flatMap((entry) => (entry.state === 'intended' ? [] : [entry.nonce]));
  const unknown: number[] = [];
  for (let nonce = await knownCount(database, account); BigInt(nonce) < count; nonce++) {
    unknown.push(nonce);
  }
  const recovered: Recovered[] = [];
  for (const nonce of [...bound.filter((one) => BigInt(one) < count), ...unknown]) {
    const one = await recoverNonce(parts, account, nonce);
    if (one) recovered.push(one);
  }
  return recovered;
}

/** From which nonce on nothing of an account is accounted for. */
async function knownCount(
  database: Database,
  { chainId, address }: JournalAccount,
): Promise<number> {
  const account = Buffer.from(address.slice(2), 'hex');
  const { rows } = await database.query<{ next: bigint | null }>(sql`
    select greatest(
      (select max(nonce) + 1 from chain_nonce where chain_id = ${chainId} and account = ${account}),
      (select looked_to from chain_account where chain_id = ${chainId} and account = ${account}))
      as next`);
  return Number(rows[0]?.next ?? 0n);
}

async function recoverNonce(
  parts: RecoverParts,
  account: JournalAccount,
  nonce: number,
): Promise<Recovered | undefined> {
  const { database, providers } = parts;
  const { finality } = networkOf(account.chainId);
  const hash = await findFinal(providers, account, nonce, finality);
  const found = hash && (await providers.request('eth_getTransactionByHash', [hash]));
  const signed = hash && (await signedByAccount(account, found as RpcTransaction, hash));
  if (!hash || !signed) {
    const text = `The transaction with nonce ${nonce} of a pool's account is not final, or no node has it.`;
    throw new TributaryError('recovery_waits', text);
  }
  const adopted = await adopt(database, account, { nonce, hash, signed });
  if (adopted === 'known') return undefined;
  if (adopted !== undefined) return { transaction: hash, as: 'adopted', lines: [adopted] };
  const receipt = await providers.request('eth_getTransactionReceipt', [hash]);
  const block = quantity(field(receipt, 'blockNumber'));
  // What the account did before the backup, and not for its journal, was no business of the books.
  if (block === undefined || block <= (await lastSeenBlock(database, account.chainId)))
    return undefined;
  const lines = await book(parts, account, { hash, signed, receipt });
  return { transaction: hash, as: 'booked', lines };
}

/** The newest block that the books had seen; -1: none. */
export async function lastSeenBlock(database: Database, chainId: number): Promise<bigint> {
  const { rows } = await database.query<{ last: bigint | null }>(
    sql`select max(number) as last from chain_block where chain_id = ${chainId}`,
  );
  return rows[0]?.last ?? -1n;
}

/** Gives the bytes to the intent that wanted them: its name, `known`, or undefined where none did. */
async function adopt(
  database: Database,
  account: JournalAccount,
  { nonce, hash, signed }: { nonce: number; hash: Hex; signed: SignedByAccount },
): Promise<string | undefined> {
  return database.transact(async (tx) => {
    const { entries, version } = await loadJournal(tx, account);
    const bound = entries.find((entry) => entry.state !== 'intended' && entry.nonce === nonce);
    if (bound && 'attempts' in bound && bound.attempts.some((one) => one.hash === hash)) {
      return 'known';
    }
    const entry = bound ?? entries.find((one) => one.state === 'intended' && wants(one, signed));
    if (!entry || !wants(entry, signed)) return undefined;
    const attempt: Attempt = {
      kind: 'work',
      raw: signed.raw,
      hash,
      maxFeePerGas: signed.maxFeePerGas,
      maxPriorityFeePerGas: signed.maxPriorityFeePerGas,
      signedAt: instant(Date.now()),
    };
    const { intent, withdrawn } = entry;
    const base = { intent, withdrawn, nonce, attempts: [attempt] as const };
    const next: BoundEntry = { ...base, state: 'signed', delivery: { is: 'due' } };
    const stored = await storeStep(tx, account, version, [
      { write: 'attempt', intent: intent.id, nonce, attempt },
      { write: 'entry', entry: next },
    ]);
    if (stored === 'stale') throw new TributaryError('internal', 'a pool runs on this database');
    return intent.id;
  });
}

function wants({ intent }: OpenEntry, { to, value, data }: SignedByAccount): boolean {
  return intent.to.toLowerCase() === to && intent.value === value && intent.data === data;
}

/** Books what a transaction moved that nothing in the books wanted. */
async function book(
  { database, providers, assets, bondingManager }: RecoverParts,
  account: JournalAccount,
  found: { readonly hash: Hex; readonly signed: SignedByAccount; readonly receipt: unknown },
): Promise<readonly string[]> {
  const { hash, receipt } = found;
  const { to, value, data } = found.signed;
  const succeeded = quantity(field(receipt, 'status')) === 1n;
  const logs = receiptLogs(field(receipt, 'logs')) ?? [];
  const wei =
    (quantity(field(receipt, 'gasUsed')) ?? 0n) *
    (quantity(field(receipt, 'effectiveGasPrice')) ?? 0n);
  const payer = account.address.toLowerCase() as Recipient;
  const moves = succeeded ? movesOf({ to, value, data, logs, payer, assets }) : [];
  const at = await blockTime(providers, field(receipt, 'blockNumber'));
  return database.transact(async (tx) => {
    const epoch = (await openEpoch(tx)).number;
    const own = await ownAccounts(tx);
    const seen = { at, epoch, transaction: hash };
    await post(tx, gasSpent({ ...seen, wei, from: 'treasury', intent: 'recovered' }));
    const call = {
      ...{ intent: 'recovered', recipient: addressBytes(to ?? payer), value },
      calldata: Buffer.from(data.slice(2), 'hex'),
    };
    const move = succeeded ? chainMove(call, addressBytes(bondingManager)) : undefined;
    const lines: string[] = [];
    if (move?.move === 'fees_withdrawn') {
      const into = own.has(`0x${Buffer.from(move.to).toString('hex')}`) ? 'treasury' : 'external';
      await post(tx, feesWithdrawn({ ...seen, amount: move.amount, to: into }));
      lines.push(`withdrew ${move.amount} wei of fees`);
    }
    if (move?.move === 'reward') lines.push('called for a reward, which is not booked');
    for (const [place, { recipient, asset, amount }] of moves.entries()) {
      if (own.has(recipient)) continue;
      const { rows } = await tx.query<{ id: string }>(sql`
        select id from worker where payout_address = ${Buffer.from(recipient.slice(2), 'hex')}
        order by id limit 1`);
      const worker = rows[0]?.id;
      const posting: Posting = {
        cause: `recovered:${hash}:${place}`,
        kind: 'correction',
        at,
        epoch,
        entries: [
          { account: worker ? named('worker', worker) : named('external'), asset, amount },
          { account: named('treasury'), asset, amount: -amount },
        ],
        facts: { transaction: hash, recipient },
      };
      await post(tx, posting);
      lines.push(`paid ${amount} ${asset} to ${worker ? `worker ${worker}` : recipient}`);
    }
    return lines.length > 0 ? lines : ['moved nothing that the books know of'];
  });
}

/** When a block was made. Throws `recovery_waits` while nobody says. */
export async function blockTime(providers: Providers, block: unknown): Promise<Instant> {
  const seconds = quantity(
    field(await providers.request('eth_getBlockByNumber', [block, false]), 'timestamp'),
  );
  if (seconds === undefined) {
    throw new TributaryError('recovery_waits', 'No node says when a block was made.');
  }
  return instant(Number(seconds) * 1_000);
}

interface Move {
  readonly recipient: Recipient;
  readonly asset: AssetId;
  readonly amount: bigint;
}

/** Who got what: ether alone or by the batch contract, tokens of the terms by their events. */
function movesOf(tx: {
  readonly to: Hex | undefined;
  readonly value: bigint;
  readonly data: Hex;
  readonly logs: readonly ReceiptLog[];
  readonly payer: Recipient;
  readonly assets: Readonly<Record<AssetId, AssetKind>>;
}): readonly Move[] {
  const { to, value, data, logs, payer, assets } = tx;
  const tokens = Object.entries(assets).flatMap(([asset, kind]) => {
    if (kind.kind !== 'erc20') return [];
    const address = kind.address.toLowerCase();
    return logs.flatMap((log): Move[] => {
      const moved = log.address === address ? transferIn(log) : undefined;
      if (moved?.from !== payer || moved.value === 0n) return [];
      return [{ recipient: moved.to, asset: asset as AssetId, amount: moved.value }];
    });
  });
  if (value === 0n || to === undefined) return tokens;
  if (data === '0x') return [...tokens, { recipient: to, asset: ETH, amount: value }];
  if (to !== DISPERSE.toLowerCase()) return tokens;
  return [...tokens, ...dispersed(data, logs)];
}

/** The shares of a batch that its contract says were paid. */
function dispersed(data: Hex, logs: readonly ReceiptLog[]): readonly Move[] {
  const { functionName, args } = decodeFunctionData({ abi: disperseAbi, data });
  if (functionName !== 'disperseEther') return [];
  const [, recipients, amounts] = args;
  const results = logs.filter((log) => log.address === DISPERSE.toLowerCase());
  return recipients.flatMap((recipient, index): Move[] => {
    // The last word of the event: whether it was paid.
    const paid = results[index]?.data.endsWith('1') === true;
    const amount = amounts[index] ?? 0n;
    const to = recipient.toLowerCase() as Recipient;
    return paid && amount > 0n ? [{ recipient: to, asset: ETH, amount }] : [];
  });
}

async function ownAccounts(from: Parameters<typeof openEpoch>[0]): Promise<ReadonlySet<string>> {
  const { rows } = await from.query<{ account: Buffer }>(sql`select account from chain_account`);
  return new Set(rows.map(({ account }) => `0x${account.toString('hex')}`));
}

/** Accounts of the pool that its journals sent from, or were to; on one chain, or on any. */
export async function journalAccounts(
  database: Database,
  chainId?: number,
): Promise<readonly JournalAccount[]> {
  const { rows } = await database.query<{ chain_id: bigint; account: Buffer }>(sql`
    select chain_id, account from chain_account
    where ${chainId ?? null}::bigint is null or chain_id = ${chainId ?? null} order by account`);
  return rows.map(({ chain_id, account }) => ({
    chainId: Number(chain_id),
    address: `0x${account.toString('hex')}`,
  }));
}
