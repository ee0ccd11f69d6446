import type { AssetId } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { networkOf } from '../chain/networks.ts';
import type { Providers } from '../chain/providers.ts';
import { finalBlock } from '../chain/transactions-find.ts';
import { field, hashOf, quantity } from '../chain/transactions-look.ts';
import type { Database } from '../database/database.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { lockIncome } from '../ledger/income-store.ts';
import type { Posting } from '../ledger/postings.ts';
import { post } from '../ledger/postings-store.ts';
import type { AssetKind } from '../terms/terms.ts';
import { type ReceiptLog, receiptLogs, transferIn } from './logs.ts';
import type { Recipient } from './plan-types.ts';
import { takeFromBefore } from './reconcile-chain.ts';

/** What a transaction from outside brought to the treasury. */
export interface Deposit {
  readonly asset: AssetId;
  /** Base units. */
  readonly amount: bigint;
  /** In which it came. */
  readonly block: bigint;
}

/** Accounts and assets that a deposit is looked for in. */
export interface FundingParts {
  readonly providers: Providers;
  /** In lower case. */
  readonly treasury: readonly Recipient[];
  assets(): Promise<Readonly<Record<AssetId, AssetKind>>>;
}

/**
 * What a final transaction of somebody else brought to the treasury: ether that it sent there, and
 * tokens of the terms by their Transfer events. Nothing that a call inside it sent as ether, since no
 * node tells of that. Throws `funding_refused` when there is none, it is not final, or the pool itself
 * sent it; `rpc_unavailable`.
 */
export async function readDeposits(
  { providers, treasury, assets }: FundingParts,
  transaction: string,
): Promise<readonly Deposit[]> {
  const hash = hashOf(transaction);
  if (!hash) throw refused('this is no hash of a transaction');
  const sent = await same(providers, 'eth_getTransactionByHash', hash, (found) => ({
    from: String(field(found, 'from')).toLowerCase() as Recipient,
    to: String(field(found, 'to')).toLowerCase() as Recipient,
    value: String(quantity(field(found, 'value')) ?? ''),
  }));
  const receipt = await same(providers, 'eth_getTransactionReceipt', hash, (found) => ({
    succeeded: quantity(field(found, 'status')) === 1n,
    block: String(quantity(field(found, 'blockNumber')) ?? ''),
    logs: receiptLogs(field(found, 'logs')) ?? [],
  }));
  if (!receipt.succeeded) throw refused('it failed');
  const final = await finalBlock(providers, networkOf(providers.chainId).finality);
  if (final === undefined || receipt.block === '' || BigInt(receipt.block) > final) {
    throw refused('it is not final yet; try again in a while');
  }
  if (treasury.includes(sent.from)) throw refused('the pool sent it itself, and books that itself');
  const found = depositsIn({ ...sent, logs: receipt.logs }, treasury, await assets());
  if (found.length === 0) throw refused('it brought the treasury nothing that the terms name');
  return found.map((deposit) => ({ ...deposit, block: BigInt(receipt.block) }));
}

/** {@link readDeposits}, without a chain. */
export function depositsIn(
  sent: { readonly to: Recipient; readonly value: string; readonly logs: readonly ReceiptLog[] },
  treasury: readonly Recipient[],
  assets: Readonly<Record<AssetId, AssetKind>>,
): readonly Omit<Deposit, 'block'>[] {
  return Object.entries(assets).flatMap(([name, kind]): Omit<Deposit, 'block'>[] => {
    const asset = name as AssetId;
    if (kind.kind === 'native') {
      const amount = treasury.includes(sent.to) ? BigInt(sent.value) : 0n;
      return amount > 0n ? [{ asset, amount }] : [];
    }
    if (kind.kind !== 'erc20') return [];
    const amount = sent.logs.reduce((sum, log) => {
      const moved = log.address === kind.address.toLowerCase() ? transferIn(log) : undefined;
      if (!moved || !treasury.includes(moved.to) || treasury.includes(moved.from)) return sum;
      return sum + moved.value;
    }, 0n);
    return amount > 0n ? [{ asset, amount }] : [];
  });
}

/** Books deposits, each once for ever. Answers those that were not in the books yet. */
export async function bookDeposits(
  database: Database,
  transaction: string,
  deposits: readonly Deposit[],
  at: Instant,
): Promise<readonly Deposit[]> {
  return database.transact(async (tx) => {
    // Whoever posts income changes what is set apart, too.
    await lockIncome(tx);
    const epoch = (await openEpoch(tx)).number;
    const added: Deposit[] = [];
    for (const deposit of deposits) {
      const outcome = await post(tx, depositPosting(transaction.toLowerCase(), deposit, at, epoch));
      if (outcome !== 'posted') continue;
      await takeFromBefore(tx, deposit);
      added.push(deposit);
    }
    return added;
  });
}

function depositPosting(
  transaction: string,
  { asset, amount }: Omit<Deposit, 'block'>,
  at: Instant,
  epoch: bigint,
): Posting {
  return {
    cause: `moved-in:${transaction}:${asset}`,
    kind: 'moved_in',
    at,
    epoch,
    entries: [
      { account: account('treasury'), asset, amount },
      { account: account('external'), asset, amount: -amount },
    ],
    facts: { transaction },
  };
}

/** What all nodes that answer say, which must be one thing. */
async function same<T>(
  providers: Providers,
  method: string,
  hash: string,
  read: (found: unknown) => T,
): Promise<T> {
  const answers = await providers.requestAll<unknown>(method, [hash]);
  const said = answers.flatMap((one) => (one.ok ? [one.value] : []));
  if (said.length === 0)
    throw new TributaryError('rpc_unavailable', 'No node of the chain answers.');
  if (said.some((one) => one === null)) throw refused('there is none of that hash in any block');
  const texts = new Set(said.map((one) => JSON.stringify(read(one))));
  if (texts.size !== 1) throw refused('the nodes of the chain say different things of it');
  return read(said[0]);
}

function refused(why: string): TributaryError {
  return new TributaryError('funding_refused', `This transaction cannot be booked: ${why}.`);
}
