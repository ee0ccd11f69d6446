import type { Hex } from 'viem';
import type { Providers } from '../chain/providers.ts';
import { field, hashOf, quantity, toHex } from '../chain/transactions-look.ts';
import { receiptLogs, transferIn } from './logs.ts';
import type { Recipient } from './plan-types.ts';

/** Moves that are named; whoever has more to explain begins with these. */
const MOVES_MAX = 20;
/** Blocks that a node is asked for logs of at once. */
const LOG_BLOCKS_MAX = 10_000n;
/** keccak256 of `Transfer(address,address,uint256)`. */
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

/** Money that a transaction moved into accounts or out of them. */
export interface Move {
  readonly transaction: Hex;
  readonly block: bigint;
  readonly from: Recipient;
  /** Undefined: it made a contract. */
  readonly to: Recipient | undefined;
  /** Wei, or base units of the token. */
  readonly amount: bigint;
}

/** What is looked for: behind a block, up to another one. */
export interface MovesWanted {
  /** In lower case. */
  readonly accounts: readonly Recipient[];
  readonly token: Recipient | undefined;
  readonly after: bigint;
  readonly until: bigint;
}

/**
 * What moved money of accounts, the newest first and no more than some: tokens by their events, ether
 * by the blocks in which an account had another balance or sent something. Ether that a call inside a
 * transaction moved has no transaction of its own, and is not among them.
 *
 * @throws TributaryError `rpc_unavailable` or `rpc_refused`, as for nodes without old states
 */
export async function movesBetween(
  providers: Providers,
  wanted: MovesWanted,
): Promise<readonly Move[]> {
  if (wanted.until <= wanted.after) return [];
  return wanted.token
    ? tokenMoves(providers, { ...wanted, token: wanted.token })
    : etherMoves(providers, wanted);
}

async function tokenMoves(
  providers: Providers,
  wanted: MovesWanted & { readonly token: Recipient },
): Promise<readonly Move[]> {
  const { accounts, token, until } = wanted;
  const words = accounts.map((one) => `0x${one.slice(2).padStart(64, '0')}`);
  const first = until - LOG_BLOCKS_MAX;
  const after = wanted.after > first ? wanted.after : first;
  const range = { fromBlock: toHex(after + 1n), toBlock: toHex(until), address: token };
  const found = await Promise.all(
    [
      [TRANSFER, words],
      [TRANSFER, null, words],
    ].map((topics) => providers.request<unknown>('eth_getLogs', [{ ...range, topics }])),
  );
  const moves = new Map<string, Move>();
  for (const entry of found.flatMap((logs) => (Array.isArray(logs) ? logs : []))) {
    const transaction = hashOf(field(entry, 'transactionHash'));
    const [log] = receiptLogs([entry]) ?? [];
    const moved = log && transferIn(log);
    if (!transaction || !moved) continue;
    const block = quantity(field(entry, 'blockNumber')) ?? 0n;
    moves.set(`${transaction} ${String(field(entry, 'logIndex'))}`, {
      ...{ transaction, block, from: moved.from, to: moved.to, amount: moved.value },
    });
  }
  return [...moves.values()].sort((a, b) => Number(b.block - a.block)).slice(0, MOVES_MAX);
}

async function etherMoves(
  providers: Providers,
  { accounts, after, until }: MovesWanted,
): Promise<readonly Move[]> {
  const blocks = new Set<bigint>();
  for (const account of accounts) {
    for (const block of await changedBlocks(providers, account, { after, until })) {
      blocks.add(block);
    }
  }
  const moves: Move[] = [];
  for (const block of [...blocks].sort((a, b) => Number(b - a)).slice(0, MOVES_MAX)) {
    const found = await providers.request<unknown>('eth_getBlockByNumber', [toHex(block), true]);
    const transactions = field(found, 'transactions');
    for (const entry of Array.isArray(transactions) ? transactions : []) {
      const move = etherMove(entry, block);
      const isOwn = (one: Recipient | undefined) => one !== undefined && accounts.includes(one);
      if (move && (isOwn(move.from) || isOwn(move.to))) moves.push(move);
    }
  }
  return moves.slice(0, MOVES_MAX);
}

function etherMove(entry: unknown, block: bigint): Move | undefined {
  const transaction = hashOf(field(entry, 'hash'));
  const amount = quantity(field(entry, 'value'));
  if (!transaction || amount === undefined) return undefined;
  const from = String(field(entry, 'from')).toLowerCase() as Recipient;
  const to = field(entry, 'to');
  const known = typeof to === 'string' ? (to.toLowerCase() as Recipient) : undefined;
  return { transaction, block, from, to: known, amount };
}

/** The newest blocks after which the account had another balance, or had sent more. */
async function changedBlocks(
  providers: Providers,
  account: Recipient,
  { after, until }: Pick<MovesWanted, 'after' | 'until'>,
): Promise<readonly bigint[]> {
  const known = new Map<bigint, Promise<string>>();
  const stateAt = (block: bigint) => {
    const asked = known.get(block) ?? askState(block);
    known.set(block, asked);
    return asked;
  };
  async function askState(block: bigint): Promise<string> {
    const [wei, count] = await Promise.all([
      providers.request<Hex>('eth_getBalance', [account, toHex(block)]),
      providers.request<Hex>('eth_getTransactionCount', [account, toHex(block)]),
    ]);
    return `${BigInt(wei)} ${BigInt(count)}`;
  }
  const changed: bigint[] = [];
  /** The later half first, so that the newest are found when there are too many. */
  async function search(low: bigint, high: bigint): Promise<void> {
    if (changed.length >= MOVES_MAX || (await stateAt(low)) === (await stateAt(high))) return;
    if (high - low === 1n) {
      changed.push(high);
      return;
    }
    const middle = (low + high) / 2n;
    await search(middle, high);
    await search(low, middle);
  }
  await search(after, until);
  return changed;
}
