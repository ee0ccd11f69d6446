import sql from 'sql-template-tag';
import { type Hex, hexToBytes, type RpcTransaction } from 'viem';
import { instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { type JournalAccount, loadJournal, storeStep } from '../chain/journal-store.ts';
import type { Attempt, BoundEntry, OpenEntry } from '../chain/journal-types.ts';
import { networkOf } from '../chain/networks.ts';
import { findFinal, type SignedByAccount, signedByAccount } from '../chain/transactions-find.ts';
import { field, quantity } from '../chain/transactions-look.ts';
import type { Database } from '../database/database.ts';
import { addressBytes, type ChainCall } from '../ledger/income.ts';
import { lockIncome, waitingLpt } from '../ledger/income-store.ts';
import { bookFound, type FoundTransaction, type RecoverParts, stakeLines } from './recover-book.ts';
import { sentCount } from './sent-check.ts';
import { bookStakeMove, lookedTo, type StakeMove, stakeMoves } from './stake-moved.ts';

/** What became of one of them. */
export interface Recovered {
  /** The account that sent it, or whose stake another wallet moved by it. */
  readonly account: Hex;
  readonly transaction: Hex;
  /** `adopted`: the books wanted it, and its journal goes on with these bytes; `booked`: by what it moved. */
  readonly as: 'adopted' | 'booked';
  /** Sentences: what it paid to whom. */
  readonly lines: readonly string[];
}

/** `known`: its journal has these bytes, but not that they are final; or not what became of them. */
type Found = FoundTransaction & { readonly as: Recovered['as'] | 'known' };

/**
 * Finds the transactions that accounts of the pool sent and its books do not know, as after a backup
 * was restored. One that an open intent wanted becomes its own, so that it is never sent again; any
 * other is booked by what it moved. What became of the stake is booked of whatever transaction did it,
 * in the order of the chain, since what comes out of the stake depends on what went in. Done again it
 * finds nothing twice.
 *
 * @throws TributaryError `rpc_unavailable`; `recovery_waits` while one of them is not final or cannot
 *   be read
 */
export async function recoverAccounts(
  parts: RecoverParts,
  accounts: readonly JournalAccount[],
): Promise<readonly Recovered[]> {
  const found: Found[] = [...(await journalLpt(parts))];
  for (const account of accounts) found.push(...(await sentBy(parts, account)));
  const steps = [
    ...found.map((one) => ({ ...placeOf(one), take: () => takeFound(parts, one) })),
    ...(await movesOfStake(parts)).map((one) => ({ ...one, take: () => takeMove(parts, one) })),
  ];
  const recovered: Recovered[] = [];
  for (const { take } of steps.sort((a, b) => Number(a.block - b.block || a.place - b.place))) {
    const one = await take();
    if (one) recovered.push(one);
  }
  return recovered;
}

function placeOf({ receipt }: Found): { readonly block: bigint; readonly place: bigint } {
  const numberIn = (name: string) => quantity(field(receipt, name)) ?? 0n;
  return { block: numberIn('blockNumber'), place: numberIn('transactionIndex') };
}

async function takeFound(parts: RecoverParts, one: Found): Promise<Recovered | undefined> {
  const { as, hash: transaction, account, call } = one;
  const lines = await bookFound(parts, one);
  switch (as) {
    case 'adopted':
      return { account, transaction, as, lines: [call.intent, ...lines] };
    case 'booked':
      return { account, transaction, as, lines };
    case 'known':
      return undefined;
  }
}

/**
 * What other wallets did to the stake since the books looked at it last: their transactions may be of
 * accounts that are not the pool's, or older than what its journals know.
 */
async function movesOfStake(parts: RecoverParts): Promise<readonly StakeMove[]> {
  const { database, providers, stake } = parts;
  const until = await stake?.onChain.finalBlock();
  if (!stake || until === undefined) return [];
  const seen = await lastSeenBlock(database, providers.chainId);
  const after = (await lookedTo(database)) ?? (seen < 0n ? until : seen);
  const moves: StakeMove[] = [];
  for await (const found of stakeMoves({ database, stake: stake.onChain }, { after, until })) {
    if (found.waits !== undefined) throw waits(`${found.waits}.`);
    moves.push(...found.moves);
  }
  return moves;
}

/** A transaction of the pool's that was found, too, is booked by then. */
async function takeMove(
  { database, assets, stake }: RecoverParts,
  move: StakeMove,
): Promise<Recovered | undefined> {
  const { transaction } = move;
  const booked = await database.transact(async (tx) => {
    await lockIncome(tx);
    return bookStakeMove(tx, move);
  });
  const account = stake?.orchestrator;
  if (booked === 'known' || !account) return undefined;
  return { account, transaction, as: 'booked', lines: stakeLines(assets, move) };
}

/** LPT that the journal had moved for good when the backup was written, and that was not posted yet. */
async function journalLpt({
  database,
  providers,
  bondingManager,
}: RecoverParts): Promise<readonly Found[]> {
  const found: Found[] = [];
  for await (const { event } of waitingLpt(database, addressBytes(bondingManager))) {
    const hash = `0x${event.subject}` as const;
    const receipt = await providers.request('eth_getTransactionReceipt', [hash]);
    if (!receipt) throw waits(`No node has the receipt of ${hash}.`);
    const account = `0x${Buffer.from(event.account).toString('hex')}` as const;
    found.push({ ...{ as: 'known', isWanted: true, hash, account, receipt }, call: event.call });
  }
  return found;
}

async function sentBy(parts: RecoverParts, account: JournalAccount): Promise<readonly Found[]> {
  const { database, providers } = parts;
  const { entries } = await database.transact((tx) => loadJournal(tx, account));
  const count = await sentCount(providers, account);
  const bound = entries.flatMap((entry) => (entry.state === 'intended' ? [] : [entry.nonce]));
  const unknown: number[] = [];
  for (let nonce = await knownCount(database, account); BigInt(nonce) < count; nonce++) {
    unknown.push(nonce);
  }
  const found: Found[] = [];
  const nonces = [...bound.filter((one) => BigInt(one) < count), ...unknown];
  for (const nonce of nonces.sort((a, b) => a - b)) {
    const one = await recoverNonce(parts, account, nonce);
    if (one) found.push(one);
  }
  return found;
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
  { database, providers }: RecoverParts,
  account: JournalAccount,
  nonce: number,
): Promise<Found | undefined> {
  const { finality } = networkOf(account.chainId);
  const hash = await findFinal(providers, account, nonce, finality);
  const tx = hash && (await providers.request('eth_getTransactionByHash', [hash]));
  const signed = hash && (await signedByAccount(account, tx as RpcTransaction, hash));
  const receipt = hash && (await providers.request('eth_getTransactionReceipt', [hash]));
  const block = quantity(field(receipt, 'blockNumber'));
  if (!hash || !signed || block === undefined) {
    throw waits(
      `The transaction with nonce ${nonce} of a pool's account is not final, or no node has it.`,
    );
  }
  const { to, value, data } = signed;
  const sent = {
    recipient: addressBytes(to ?? account.address),
    value,
    calldata: hexToBytes(data),
  };
  const found = { hash, account: account.address, receipt };
  const { as, intent } = await adopt(database, account, { nonce, hash, signed });
  const call: ChainCall = { intent, ...sent };
  if (as !== 'booked') return { ...found, as, isWanted: true, call };
  // What the account did before the backup, and not for its journal, was no business of the books.
  if (block <= (await lastSeenBlock(database, account.chainId))) return undefined;
  return { ...found, as, isWanted: false, call };
}

/** The newest block that the books had seen; -1: none. */
export async function lastSeenBlock(database: Database, chainId: number): Promise<bigint> {
  const { rows } = await database.query<{ last: bigint | null }>(
    sql`select max(number) as last from chain_block where chain_id = ${chainId}`,
  );
  return rows[0]?.last ?? -1n;
}

/** Gives the bytes to the intent that wanted them, if one did. */
async function adopt(
  database: Database,
  account: JournalAccount,
  { nonce, hash, signed }: { nonce: number; hash: Hex; signed: SignedByAccount },
): Promise<{ readonly as: Found['as']; readonly intent: string }> {
  return database.transact(async (tx) => {
    const { entries, version } = await loadJournal(tx, account);
    const bound = entries.find((entry) => entry.state !== 'intended' && entry.nonce === nonce);
    if (bound && 'attempts' in bound && bound.attempts.some((one) => one.hash === hash)) {
      return { as: 'known', intent: bound.intent.id };
    }
    const entry = bound ?? entries.find((one) => one.state === 'intended' && wants(one, signed));
    if (!entry || !wants(entry, signed)) return { as: 'booked', intent: 'recovered' };
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
    return { as: 'adopted', intent: intent.id };
  });
}

function wants({ intent }: OpenEntry, { to, value, data }: SignedByAccount): boolean {
  return intent.to.toLowerCase() === to && intent.value === value && intent.data === data;
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

function waits(text: string): TributaryError {
  return new TributaryError('recovery_waits', text);
}
