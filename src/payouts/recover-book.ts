import sql from 'sql-template-tag';
import { bytesToHex, decodeFunctionData, encodeEventTopics, type Hex } from 'viem';
import { exactAsset } from '../base/amounts.ts';
import { type AssetId, ETH, LPT } from '../base/asset.ts';
import { type Instant, instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { bondingManagerAbi } from '../chain/abi/bonding-manager.ts';
import { disperseAbi } from '../chain/abi/disperse.ts';
import { blockTime } from '../chain/block-time.ts';
import { DISPERSE } from '../chain/disperse.ts';
import type { Providers } from '../chain/providers.ts';
import { field, quantity } from '../chain/transactions-look.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import { ownReward } from '../duties/own-reward.ts';
import { account as named } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { addressBytes, type ChainCall, type ChainMove, chainMove } from '../ledger/income.ts';
import { lockIncome } from '../ledger/income-store.ts';
import { bookOwnLpt } from '../ledger/own-lpt.ts';
import { feesWithdrawn, gasSpent, rewardReceived } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';
import { gasIn, type ReceiptLog, receiptLogs, transferIn } from './logs.ts';
import { lptIn } from './lpt-moved.ts';
import type { Recipient } from './plan-types.ts';
import { type PaidAfter, type Payee, payeeOf } from './recover-payee.ts';
import type { StakeMove } from './stake-moved.ts';
import type { StakeOnChain } from './stake-on-chain.ts';

/** Of ETH and LPT, where no terms name them. */
const PROTOCOL_DECIMALS = 18;
const [REWARD] = encodeEventTopics({ abi: bondingManagerAbi, eventName: 'Reward' });

/** What looking for forgotten transactions needs. */
export interface RecoverParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly assets: Readonly<Record<AssetId, AssetKind>>;
  readonly bondingManager: Hex;
  /** Of LPT. */
  readonly token: Hex;
  /** The orchestrator, and its stake; undefined: nobody says which one it is. */
  readonly stake?: { readonly orchestrator: Hex; readonly onChain: StakeOnChain } | undefined;
  readonly paidAfter: PaidAfter;
}

/** A final transaction of the pool of which the books lack something. */
export interface FoundTransaction {
  readonly hash: Hex;
  /** Who sent it. */
  readonly account: Hex;
  /** A journal has it: all but its LPT is posted once the pool runs. */
  readonly isWanted: boolean;
  /** As it was sent, with the intent that wanted it. */
  readonly call: ChainCall;
  readonly receipt: unknown;
}

/** What is known of one, for those who book a part of it. */
interface Seen extends FoundTransaction {
  readonly transaction: Hex;
  readonly at: Instant;
  readonly epoch: bigint;
  readonly block: bigint;
  /** None, and no move, where it failed. */
  readonly logs: readonly ReceiptLog[];
  readonly move: ChainMove | undefined;
  /** LPT that it added to the stake by a reward. */
  readonly reward: bigint;
  readonly own: ReadonlySet<Recipient>;
}

/**
 * Books what a transaction moved; answers that in sentences. Done again it books nothing twice. Throws
 * `rpc_unavailable`, and `recovery_waits` where no node says what is to be known of it.
 */
export async function bookFound(
  parts: RecoverParts,
  found: FoundTransaction,
): Promise<readonly string[]> {
  const { database, providers } = parts;
  const { hash, receipt, call, isWanted } = found;
  const succeeded = quantity(field(receipt, 'status')) === 1n;
  const block = quantity(field(receipt, 'blockNumber')) ?? 0n;
  const logs = succeeded ? (receiptLogs(field(receipt, 'logs')) ?? []) : [];
  const move = succeeded ? chainMove(call, addressBytes(parts.bondingManager)) : undefined;
  const reward = move?.move === 'reward' ? await rewardIn(parts, { hash, block, logs }) : 0n;
  const at = await blockTime(providers, block);
  return database.transact(async (tx) => {
    await lockIncome(tx);
    const epoch = (await openEpoch(tx)).number;
    const own = await ownAccounts(tx);
    const seen = { ...found, transaction: hash, at, epoch, block, logs, move, reward, own };
    const lines = await bookLpt(tx, parts, seen);
    if (isWanted) return lines;
    const all = [...lines, ...(await bookRest(tx, parts, seen))];
    return all.length > 0 ? all : ['moved nothing that the books know of'];
  });
}

/** LPT that nobody wanted to be sent elsewhere may have been pay: only the protocol's calls are stake. */
function isOwnLpt({ move, isWanted }: Seen): boolean {
  return move?.move === 'own_lpt' && (move.stake || isWanted);
}

async function bookLpt(
  tx: Transaction,
  { assets, token }: RecoverParts,
  seen: Seen,
): Promise<readonly string[]> {
  const { move, reward, logs, own } = seen;
  if (move?.move === 'reward') {
    await post(tx, rewardReceived({ ...seen, amount: reward }));
    return stakeLines(assets, { is: 'rewarded', amount: reward });
  }
  if (move?.move !== 'own_lpt' || !isOwnLpt(seen)) return [];
  const amount = lptIn(logs, { token, treasury: [...own] });
  await bookOwnLpt(tx, { ...seen, amount, stake: move.stake });
  return move.stake ? stakeLines(assets, { is: 'moved', amount }) : [];
}

/** What a transaction did to the stake or to fees, in sentences. */
export function stakeLines(
  assets: RecoverParts['assets'],
  { is, amount }: Pick<StakeMove, 'is' | 'amount'>,
): readonly string[] {
  if (is === 'fees_withdrawn') return [`withdrew ${shown(assets, amount, ETH)} of fees`];
  if (is === 'rewarded') return [`brought ${shown(assets, amount, LPT)} of rewards to the stake`];
  if (amount === 0n) return [];
  return amount < 0n
    ? [`bonded ${shown(assets, -amount, LPT)}`]
    : [`withdrew ${shown(assets, amount, LPT)} of stake`];
}

/** What no journal will post: gas, fees that came home, and who was paid. */
async function bookRest(
  tx: Transaction,
  { assets, paidAfter }: RecoverParts,
  seen: Seen,
): Promise<readonly string[]> {
  const { hash, at, epoch, receipt, move, own } = seen;
  const wei = gasIn(receipt) ?? 0n;
  await post(tx, gasSpent({ ...seen, wei, from: 'treasury', intent: 'recovered' }));
  const lines: string[] = [];
  if (move?.move === 'fees_withdrawn') {
    const into = own.has(`0x${Buffer.from(move.to).toString('hex')}`) ? 'treasury' : 'external';
    await post(tx, feesWithdrawn({ ...seen, amount: move.amount, to: into }));
    lines.push(...stakeLines(assets, { is: 'fees_withdrawn', amount: move.amount }));
  }
  const moves = isOwnLpt(seen) ? [] : movesOf(seen, assets);
  const used = new Set<object>();
  for (const [place, { recipient, asset, amount }] of moves.entries()) {
    if (own.has(recipient)) continue;
    const cause = `recovered:${hash}:${place}`;
    const payment = { transaction: hash, recipient, asset, amount };
    // Whom it was booked for when it was found first.
    const payee = (await payeeIn(tx, cause)) ?? (await payeeOf(tx, paidAfter, payment, used));
    const worker = payee?.worker;
    await post(tx, {
      cause,
      kind: 'correction',
      at: payee?.at === undefined ? at : instant(payee.at),
      epoch,
      entries: [
        { account: worker ? named('worker', worker) : named('external'), asset, amount },
        { account: named('treasury'), asset, amount: -amount },
      ],
      // Where a list said since when it counts, it stands in that list again.
      facts: {
        transaction: hash,
        recipient,
        ...(payee?.at === undefined ? {} : { listed: 'yes' }),
      },
    });
    lines.push(
      `paid ${shown(assets, amount, asset)} to ${worker ? `worker ${worker}` : `${recipient}, which is no worker's address in the books`}`,
    );
  }
  return lines;
}

async function payeeIn(tx: Transaction, cause: string): Promise<Payee | undefined> {
  const { rows } = await tx.query<{ worker: string }>(sql`
    select split_part(e.account, ':', 2) as worker
    from posting p join entry e on e.posting = p.number
    where p.cause = ${cause} and starts_with(e.account, 'worker:')`);
  return rows[0];
}

/** All digits: what is told here may have to be booked by hand. */
function shown(assets: RecoverParts['assets'], amount: bigint, asset: AssetId): string {
  return exactAsset(amount, asset, assets[asset]?.decimals ?? PROTOCOL_DECIMALS);
}

/** What a reward call added to the stake of the orchestrator that it was for. */
async function rewardIn(
  { providers, bondingManager }: RecoverParts,
  { hash, block, logs }: Pick<Seen, 'hash' | 'block' | 'logs'>,
): Promise<bigint> {
  const log = logs.find(
    ({ address, topics }) => address === bondingManager.toLowerCase() && topics[0] === REWARD,
  );
  const orchestrator = `0x${log?.topics[1]?.slice(-40)}` as const;
  return ownReward({ providers, bondingManager, orchestrator }, block).catch((cause: unknown) => {
    const text = `No node says how much LPT the reward call ${hash} added to the stake.`;
    throw new TributaryError('recovery_waits', text, { cause });
  });
}

interface Move {
  readonly recipient: Recipient;
  readonly asset: AssetId;
  readonly amount: bigint;
}

/** Who got what: ether alone or by the batch contract, tokens of the terms by their events. */
function movesOf(
  { call, logs, account, receipt }: Seen,
  assets: RecoverParts['assets'],
): readonly Move[] {
  if (quantity(field(receipt, 'status')) !== 1n) return [];
  const { value, calldata } = call;
  const data = bytesToHex(calldata);
  const to = bytesToHex(call.recipient) as Recipient;
  const payer = account.toLowerCase();
  const tokens = Object.entries(assets).flatMap(([asset, kind]) => {
    if (kind.kind !== 'erc20') return [];
    const address = kind.address.toLowerCase();
    return logs.flatMap((log): Move[] => {
      const moved = log.address === address ? transferIn(log) : undefined;
      if (moved?.from !== payer || moved.value === 0n) return [];
      return [{ recipient: moved.to, asset: asset as AssetId, amount: moved.value }];
    });
  });
  if (value === 0n) return tokens;
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

async function ownAccounts(from: Parameters<typeof openEpoch>[0]): Promise<ReadonlySet<Recipient>> {
  const { rows } = await from.query<{ account: Buffer }>(sql`select account from chain_account`);
  return new Set(rows.map(({ account }): Recipient => `0x${account.toString('hex')}`));
}
