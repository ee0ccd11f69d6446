import sql from 'sql-template-tag';
import type { Hex } from 'viem';
import { hex, parseHex } from '../base/bytes.ts';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { SendersChange } from './senders.ts';
import type { Block } from './watch-blocks.ts';
import type { BrokerEvent, EventChange } from './watch-events.ts';

/** Whose place in which chain it is. */
export interface FollowerKey {
  readonly chainId: number;
  readonly follower: string;
}

/** Where a follower stopped. */
export interface StoredPlace {
  readonly genesis: Hex;
  /** Nothing of this block or before it was looked at. */
  readonly since: bigint;
  /** Oldest first. */
  readonly blocks: readonly Block[];
  readonly events: readonly BrokerEvent[];
}

/** Where a follower stopped; undefined when it never started. */
export async function loadPlace(
  from: Queryable,
  { chainId, follower }: FollowerKey,
): Promise<StoredPlace | undefined> {
  const { rows } = await from.query<{ genesis: Buffer; since: bigint }>(sql`
    select genesis, since from chain_follower
    where chain_id = ${chainId} and follower = ${follower}`);
  const [row] = rows;
  if (!row) return undefined;
  const { rows: blocks } = await from.query<BlockRow>(sql`
    select number, hash, parent_hash, l1_block, base_fee_per_gas, at from chain_block
    where chain_id = ${chainId} and follower = ${follower} order by number`);
  const { rows: events } = await from.query<EventRow>(sql`
    select block, block_hash, place, transaction, topics, data from chain_event
    where chain_id = ${chainId} and follower = ${follower} order by block, place`);
  return {
    genesis: hexOf(row.genesis),
    since: row.since,
    blocks: blocks.map(decodeBlock),
    events: events.map(decodeEvent),
  };
}

/** Begins a follower's place, or begins it anew on another chain of the same id. */
export async function startPlace(
  tx: Transaction,
  { chainId, follower }: FollowerKey,
  { genesis, since }: Pick<StoredPlace, 'genesis' | 'since'>,
): Promise<void> {
  await tx.query(sql`
    delete from chain_follower where chain_id = ${chainId} and follower = ${follower}`);
  await tx.query(sql`
    insert into chain_follower (chain_id, follower, genesis, since)
    values (${chainId}, ${follower}, ${bytes(genesis)}, ${since})
    on conflict do nothing`);
}

/** What a follower saw of another stretch of the chain. */
export interface Seen {
  /** Undefined when it is older than one that was looked at before. */
  readonly block: Block | undefined;
  /** Blocks from here on are gone. */
  readonly undoneFrom: bigint;
  /** The oldest block to remember; events before it are as old. */
  readonly oldest: bigint;
  readonly change: EventChange;
}

/**
 * Stores what a follower saw. Writers of one place wait for each other; a mixture of what they saw is
 * sorted out when somebody goes on with it, since every block is compared with the chain then.
 */
export async function storeSeen(
  tx: Transaction,
  { chainId, follower }: FollowerKey,
  { block, undoneFrom, oldest, change }: Seen,
): Promise<void> {
  await tx.query(sql`
    select from chain_follower where chain_id = ${chainId} and follower = ${follower} for update`);
  await tx.query(sql`
    delete from chain_block where chain_id = ${chainId} and follower = ${follower}
      and (number < ${oldest} or number >= ${undoneFrom})`);
  if (block) await storeBlock(tx, { chainId, follower }, block);
  for (const { blockHash, index } of change.removed) {
    await tx.query(sql`
      delete from chain_event where chain_id = ${chainId} and follower = ${follower}
        and block_hash = ${bytes(blockHash)} and place = ${index}`);
  }
  for (const event of change.added) await storeEvent(tx, { chainId, follower }, event);
  await tx.query(sql`
    delete from chain_event where chain_id = ${chainId} and follower = ${follower}
      and block < ${oldest}`);
}

/** Senders that had funds when they were last seen; those seen last first. */
export async function loadSenders(
  from: Queryable,
  chainId: number,
  max: number,
): Promise<readonly string[]> {
  const { rows } = await from.query<{ sender: Buffer }>(sql`
    select sender from chain_sender where chain_id = ${chainId}
    order by seen_at desc limit ${max}`);
  return rows.map(({ sender }) => hex(sender));
}

/** Remembers senders that have funds, and forgets those that have none any more. */
export async function storeSenders(
  to: Queryable,
  chainId: number,
  { funded, gone }: SendersChange,
): Promise<void> {
  if (funded.length > 0) {
    await to.query(sql`
      insert into chain_sender (chain_id, sender)
      select ${chainId}, unnest(${funded.map((sender) => Buffer.from(sender, 'hex'))}::bytea[])
      on conflict (chain_id, sender) do update set seen_at = now()`);
  }
  if (gone.length > 0) {
    await to.query(sql`
      delete from chain_sender where chain_id = ${chainId}
        and sender = any(${gone.map((sender) => Buffer.from(sender, 'hex'))}::bytea[])`);
  }
}

async function storeBlock(
  tx: Transaction,
  { chainId, follower }: FollowerKey,
  { number, hash, parentHash, l1Block, baseFeePerGas, at }: Block,
): Promise<void> {
  await tx.query(sql`
    insert into chain_block (chain_id, follower, number, hash, parent_hash, l1_block,
      base_fee_per_gas, at)
    values (${chainId}, ${follower}, ${number}, ${bytes(hash)}, ${bytes(parentHash)}, ${l1Block},
      ${baseFeePerGas}, 'epoch'::timestamptz + ${at}::double precision * interval '1 millisecond')
    on conflict (chain_id, follower, number) do update set hash = excluded.hash,
      parent_hash = excluded.parent_hash, l1_block = excluded.l1_block,
      base_fee_per_gas = excluded.base_fee_per_gas, at = excluded.at
    where chain_block.hash <> excluded.hash`);
}

async function storeEvent(
  tx: Transaction,
  { chainId, follower }: FollowerKey,
  { block, blockHash, index, transaction, topics, data }: BrokerEvent,
): Promise<void> {
  await tx.query(sql`
    insert into chain_event (chain_id, follower, block, block_hash, place, transaction, topics, data)
    values (${chainId}, ${follower}, ${block}, ${bytes(blockHash)}, ${index}, ${bytes(transaction)},
      ${topics.map(bytes)}::bytea[], ${bytes(data)})
    on conflict do nothing`);
}

interface BlockRow {
  number: bigint;
  hash: Buffer;
  parent_hash: Buffer;
  l1_block: bigint;
  base_fee_per_gas: bigint;
  at: Instant;
}

interface EventRow {
  block: bigint;
  block_hash: Buffer;
  place: number;
  transaction: Buffer;
  topics: Buffer[];
  data: Buffer;
}

function decodeBlock(row: BlockRow): Block {
  return {
    number: row.number,
    hash: hexOf(row.hash),
    parentHash: hexOf(row.parent_hash),
    l1Block: row.l1_block,
    baseFeePerGas: row.base_fee_per_gas,
    at: row.at,
  };
}

function decodeEvent(row: EventRow): BrokerEvent {
  return {
    block: row.block,
    blockHash: hexOf(row.block_hash),
    index: row.place,
    transaction: hexOf(row.transaction),
    topics: row.topics.map(hexOf),
    data: hexOf(row.data),
  };
}

function hexOf(buffer: Buffer): Hex {
  return `0x${hex(buffer)}`;
}

function bytes(text: Hex): Buffer {
  const decoded = parseHex(text);
  if (!decoded) throw new RangeError('not hex');
  return Buffer.from(decoded);
}
