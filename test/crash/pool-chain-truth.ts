import assert from 'node:assert/strict';
import sql from 'sql-template-tag';
import { getAbiItem } from 'viem';
import { hex } from '../../src/base/bytes.ts';
import { keccak256 } from '../../src/base/keccak.ts';
import { ticketBrokerAbi } from '../../src/chain/abi/ticket-broker.ts';
import type { Database } from '../../src/database/database.ts';
import { word } from '../../src/payments/big-endian.ts';
import { add, compare, type Rational, ZERO } from '../../src/payments/rational.ts';
import { paymentTotals } from '../../src/payments/store.ts';
import { expectedValue, type Ticket, ticketHash } from '../../src/payments/ticket.ts';
import { readTicketParams } from '../../src/payments/ticket-params.ts';
import { winnerTotals } from '../../src/payments/winners-store.ts';
import type { OrchestratorInfo } from '../../src/protocol/gen/lp_rpc_pb.ts';
import type { TestChain } from '../start-chain-pool.ts';

/** What gateway and worker know, whatever the pool forgot. */
export interface Truth {
  /** Every ticket that left the gateway, by its rand hash and number. */
  readonly sent: Map<string, SentTicket>;
  /** Task ids whose answers were taken with 200. */
  readonly tasks: bigint[];
  /** keccak-256 of the segments that came back done, with the pixels that were counted. */
  readonly done: Map<string, bigint>;
}

/** A ticket with what its sender was told of it. */
export interface SentTicket {
  readonly ticket: Ticket;
  /** A 200 came for the payment that it was in. */
  told: boolean;
}

const nameOf = (randHash: Uint8Array, nonce: number | bigint | string) =>
  `${hex(randHash)}:${nonce}`;

/** Remembers tickets of these parameters, before they are sent. */
export function noteTickets(
  { sent }: Pick<Truth, 'sent'>,
  sender: Uint8Array,
  { info, nonces }: { readonly info: OrchestratorInfo; readonly nonces: readonly number[] },
): readonly SentTicket[] {
  const params = info.ticketParams;
  const terms = params && readTicketParams(params, sender, params.expirationParams);
  if (!terms) throw new Error('these ticket parameters cannot be read');
  return nonces.map((nonce) => {
    const one: SentTicket = { ticket: { ...terms, nonce }, told: false };
    sent.set(nameOf(terms.recipientRandHash, nonce), one);
    return one;
  });
}

/**
 * Compares a dead pool's database with what was told outside: what was acknowledged is there, once,
 * and nothing is there that nobody did. Returns the names of the tickets that were credited.
 */
export async function checkBooks(
  database: Database,
  truth: Truth,
  pricePerPixel: bigint,
): Promise<ReadonlySet<string>> {
  const taken = await checkTickets(database, truth);
  await checkWork(database, truth, pricePerPixel);
  return taken;
}

async function checkTickets(database: Database, { sent }: Truth): Promise<ReadonlySet<string>> {
  const { rows } = await database.query<{ rand_hash: Buffer; nonces: readonly string[] }>(
    sql`select rand_hash, nonces::text[] from ticket_nonces`,
  );
  const used = rows.flatMap((row) => row.nonces.map((nonce) => nameOf(row.rand_hash, nonce)));
  const taken = new Set(used);
  assert.equal(taken.size, used.length, 'no ticket twice');
  const told = [...sent].filter(([, ticket]) => ticket.told).map(([name]) => name);
  assert.deepEqual(
    told.filter((name) => !taken.has(name)),
    [],
    'what was taken is credited',
  );
  assert.deepEqual(
    used.filter((name) => !sent.has(name)),
    [],
    'no ticket of nobody',
  );

  const worth = used
    .map((name): Rational => expectedValue((sent.get(name) as SentTicket).ticket))
    .reduce(add, ZERO);
  const totals = await paymentTotals(database);
  assert.equal(totals.ticketsCredited, BigInt(used.length));
  assert.equal(compare(totals.expectedValue, worth), 0, 'credited is what the tickets are worth');

  const { rows: winners } = await database.query<{ hash: Buffer }>(
    sql`select hash from winning_ticket`,
  );
  const expected = used.map((name) => hex(ticketHash((sent.get(name) as SentTicket).ticket)));
  assert.deepEqual(winners.map(({ hash }) => hex(hash)).sort(), expected.sort(), 'all have won');
  return taken;
}

async function checkWork(database: Database, truth: Truth, price: bigint): Promise<void> {
  const { rows } = await database.query<{
    task: bigint;
    job: string;
    source: Buffer;
    pixels: bigint;
  }>(
    sql`select task, job, source_hash as source, pixels from contribution
      where verdict = 'credited'`,
  );
  const tasks = new Set(rows.map(({ task }) => task));
  const sources = new Map(rows.map(({ source, pixels }) => [hex(source), pixels]));
  assert.equal(new Set(rows.map(({ job }) => job)).size, rows.length, 'no job twice');
  assert.equal(sources.size, rows.length, 'no segment twice');
  assert.deepEqual(
    truth.tasks.filter((task) => !tasks.has(task)),
    [],
    'acknowledged is stored',
  );
  for (const [source, pixels] of truth.done) {
    assert.equal(sources.get(source), pixels, 'what the gateway has, somebody did');
  }

  const { rows: sums } = await database.query<{ debited: bigint }>(sql`
    select coalesce(sum(div(debited_numerator, debited_denominator)), 0) as debited
    from payment_balance`);
  const debited = sums[0]?.debited ?? 0n;
  const sum = (all: Iterable<bigint>) => [...all].reduce((before, each) => before + each, 0n);
  assert.ok(debited >= price * sum(truth.done.values()), 'what the gateway has, it paid for');
  assert.ok(debited <= price * sum(rows.map((row) => row.pixels)), 'nothing is debited twice');
}

/** Tickets that the chain paid, in the order in which it did; each stands there as often as it was. */
async function paidOnChain(chain: TestChain): Promise<string[]> {
  const event = getAbiItem({ abi: ticketBrokerAbi, name: 'WinningTicketRedeemed' });
  const address = chain.devnet.addresses.TicketBroker;
  const logs = await chain.reader.getLogs({ address, event, fromBlock: 0n, strict: true });
  return logs.map(({ args }) => nameOf(keccak256(word(args.recipientRand)), args.senderNonce));
}

/**
 * At the end: each ticket was paid on chain, once, and the books say so. Returns how many transactions
 * that took.
 */
export async function checkChain(
  database: Database,
  chain: TestChain,
  { taken, sent }: { readonly taken: ReadonlySet<string>; readonly sent: Truth['sent'] },
): Promise<number> {
  assert.deepEqual((await paidOnChain(chain)).sort(), [...taken].sort());
  const worth = [...taken].reduce(
    (sum, name) => sum + (sent.get(name) as SentTicket).ticket.faceValue,
    0n,
  );
  const totals = await winnerTotals(database);
  assert.equal(totals.redeemed, BigInt(taken.size));
  assert.equal(totals.redeemedWei, worth);
  assert.deepEqual(totals.writtenOff, {});

  const { rows } = await database.query<{ succeeded: boolean; tries: number }>(sql`
    select i.succeeded, w.tries from winning_ticket w join chain_intent i on i.id = w.intent`);
  assert.equal(rows.length, taken.size);
  assert.ok(
    rows.every(({ succeeded, tries }) => succeeded && tries === 1),
    'nothing was in vain',
  );
  const { rows: sums } = await database.query<{ count: bigint }>(
    sql`select count(distinct intent) as count from winning_ticket`,
  );
  return Number(sums[0]?.count);
}
