import sql from 'sql-template-tag';
import { decodeEventLog, encodeEventTopics, type Hex } from 'viem';
import { ETH } from '../base/asset.ts';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { keccak256 } from '../base/keccak.ts';
import { ticketBrokerAbi } from '../chain/abi/ticket-broker.ts';
import { blockTime } from '../chain/block-time.ts';
import { networkOf } from '../chain/networks.ts';
import type { Providers } from '../chain/providers.ts';
import { finalBlock } from '../chain/transactions-find.ts';
import { toHex } from '../chain/transactions-look.ts';
import type { Redeemed } from '../chain/view.ts';
import { type BrokerEvent, type RawLog, readLogs, redeemedBy } from '../chain/watch-events.ts';
import type { Database } from '../database/database.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { account } from '../ledger/accounts.ts';
import { openEpoch } from '../ledger/epoch-store.ts';
import { noteUnmeasured } from '../ledger/income-store.ts';
import { post } from '../ledger/postings-store.ts';
import { word } from '../payments/big-endian.ts';
import { lastSeenBlock } from './recover-chain.ts';

/** Blocks that nodes are asked about at once; fewer where they say that it is too much. */
const BLOCKS_AT_ONCE = 100_000n;
/** Tickets are worth their face value times this over 2^256 - 1. protocol: TicketBroker. */
const WIN_PROB_MAX = 2n ** 256n - 1n;
const [TRANSFERRED] = encodeEventTopics({
  abi: ticketBrokerAbi,
  eventName: 'WinningTicketTransfer',
});
const [REDEEMED] = encodeEventTopics({ abi: ticketBrokerAbi, eventName: 'WinningTicketRedeemed' });

/** What the chain tells of tickets that the books do not know. */
export interface FoundTickets {
  /** Redeemed for the pool since the books were copied. */
  readonly redeemed: bigint;
  readonly paidWei: bigint;
  /** At least so many tickets came since: senders number them. */
  readonly atLeast: bigint;
  /** What these are worth on average, rounded down. */
  readonly worthWei: bigint;
}

/**
 * Books what TicketBroker paid the pool for tickets that its books do not know, as it finds it in final
 * blocks: it lies in the protocol, and stands against luck. Done again it books nothing twice.
 *
 * @param recipient the orchestrator's address
 * @returns undefined when the books never saw a block: then nobody knows from where on to look
 * @throws TributaryError `rpc_unavailable`
 */
export async function recoverTickets(
  parts: { readonly database: Database; readonly providers: Providers; readonly broker: Hex },
  recipient: Hex,
): Promise<FoundTickets | undefined> {
  const { database, providers } = parts;
  const last = await lastSeenBlock(database, providers.chainId);
  const final = await finalBlock(providers, networkOf(providers.chainId).finality);
  if (last < 0n || final === undefined) return undefined;
  const nonces = new Map<
    string,
    { readonly known: bigint; highest: bigint; readonly ev: bigint }
  >();
  let [redeemed, paidWei] = [0n, 0n];
  for await (const { event, ticket, paid } of ticketsIn(parts, recipient, last + 1n, final)) {
    const rand = keccak256(word(ticket.recipientRand));
    if (await isKnown(database, ticket, rand)) continue;
    const at = await blockTime(providers, event.block);
    await database.transact(async (tx) => {
      const { number: epoch } = await openEpoch(tx);
      const amount = paid;
      if (amount === 0n) return;
      await post(tx, {
        cause: `redeemed-after:${event.transaction}:${event.index}`,
        kind: 'ticket_redeemed',
        ...{ at, epoch },
        entries: [
          { account: account('bonding_fees'), asset: ETH, amount },
          { account: account('luck'), asset: ETH, amount: -amount },
        ],
        facts: { transaction: event.transaction },
      });
      await noteUnmeasured(tx, event.transaction, event.block);
    });
    redeemed += 1n;
    paidWei += paid;
    const key = Buffer.from(rand).toString('hex');
    const session = nonces.get(key) ?? {
      known: await highestNonce(database, rand),
      highest: 0n,
      ev: (ticket.faceValue * ticket.winProb) / WIN_PROB_MAX,
    };
    const highest = ticket.senderNonce > session.highest ? ticket.senderNonce : session.highest;
    nonces.set(key, { ...session, highest });
  }
  let [atLeast, worthWei] = [0n, 0n];
  for (const { known, highest, ev } of nonces.values()) {
    const more = highest > known ? highest - known : 1n;
    atLeast += more;
    worthWei += more * ev;
  }
  return { redeemed, paidWei, atLeast, worthWei };
}

/**
 * Counts what was found as income of the open epoch, less what epochs that were taken over counted of
 * it: nobody can say any more what the lost tickets were expected to be worth, and over time they pay
 * that. Answers the wei that are income now and were not.
 */
export async function recogniseFound(tx: Transaction, clock: Clock): Promise<bigint> {
  const { rows } = await tx.query<{ found: bigint; adopted: bigint; counted: bigint }>(sql`
    select
      coalesce(-sum(e.amount) filter (where starts_with(p.cause, 'redeemed-after:')), 0) as found,
      coalesce(sum(e.amount) filter (where starts_with(p.cause, 'adopted:')), 0) as adopted,
      coalesce(sum(e.amount) filter (where starts_with(p.cause, 'recovered-income:')), 0) as counted
    from entry e join posting p on p.number = e.posting
    where e.account = 'luck' and e.asset = ${ETH}`);
  const { found, adopted, counted } = rows[0] ?? { found: 0n, adopted: 0n, counted: 0n };
  const amount = found - adopted - counted;
  if (amount <= 0n) return 0n;
  await post(tx, {
    cause: `recovered-income:${found}:${adopted}`,
    kind: 'correction',
    at: clock.now(),
    epoch: (await openEpoch(tx)).number,
    entries: [
      { account: account('luck'), asset: ETH, amount },
      { account: account('income'), asset: ETH, amount: -amount },
    ],
  });
  return amount;
}

interface FoundTicket {
  readonly event: BrokerEvent;
  readonly ticket: Redeemed;
  readonly paid: bigint;
}

async function* ticketsIn(
  { providers, broker }: { readonly providers: Providers; readonly broker: Hex },
  recipient: Hex,
  first: bigint,
  last: bigint,
): AsyncGenerator<FoundTicket> {
  let size = BLOCKS_AT_ONCE;
  for (let from = first; from <= last; ) {
    const end = from + size - 1n;
    const to = end < last ? end : last;
    const events = await eventsIn(providers, { broker, recipient, from, to });
    if (!events) {
      if (size === 1n) throw unavailable('No node tells the events of a block.');
      size = size / 2n;
      continue;
    }
    yield* paired(events, recipient);
    from = to + 1n;
  }
}

/** What all nodes that answer say; undefined: it is too much, or they do not agree. */
async function eventsIn(
  providers: Providers,
  asked: { broker: Hex; recipient: Hex; from: bigint; to: bigint },
): Promise<readonly BrokerEvent[] | undefined> {
  const { broker, recipient, from, to } = asked;
  const own = `0x${recipient.slice(2).toLowerCase().padStart(64, '0')}`;
  const filter = {
    ...{ address: broker, fromBlock: toHex(from), toBlock: toHex(to) },
    topics: [[TRANSFERRED, REDEEMED], null, own],
  };
  const answers = await providers.requestAll<readonly RawLog[]>('eth_getLogs', [filter]);
  const read = answers.flatMap((one) => {
    const events = one.ok ? readLogs(one.value, { address: broker, from, to }) : undefined;
    return events ? [events] : [];
  });
  const texts = new Set(
    read.map((events) => JSON.stringify(events, (_, v) => (typeof v === 'bigint' ? `${v}` : v))),
  );
  return texts.size === 1 ? read[0] : undefined;
}

/** The contract tells of the transfer first, then of the ticket; of a ticket without money only that. */
function* paired(events: readonly BrokerEvent[], recipient: Hex): Generator<FoundTicket> {
  let transfer: BrokerEvent | undefined;
  for (const event of events) {
    if (event.topics[0] === TRANSFERRED) {
      transfer = event;
      continue;
    }
    const ticket = redeemedBy(event, false);
    if (!ticket || `0x${Buffer.from(ticket.recipient).toString('hex')}` !== recipient.toLowerCase())
      continue;
    const isIts =
      transfer?.transaction === event.transaction && transfer.topics[1] === event.topics[1];
    yield { event, ticket, paid: isIts && transfer ? amountIn(transfer) : 0n };
    transfer = undefined;
  }
}

function amountIn({ topics, data }: BrokerEvent): bigint {
  const { args } = decodeEventLog({
    abi: ticketBrokerAbi,
    eventName: 'WinningTicketTransfer',
    topics: topics as [Hex, ...Hex[]],
    data,
  });
  return args.amount;
}

/** A ticket that was won before the backup is settled by those who redeem. */
async function isKnown(
  from: Queryable,
  { ticketSender, senderNonce }: Redeemed,
  rand: Uint8Array,
): Promise<boolean> {
  const { rows } = await from.query<{ known: boolean }>(sql`
    select exists (select from winning_ticket where rand_hash = ${Buffer.from(rand)}
      and sender = ${Buffer.from(ticketSender)} and nonce = ${senderNonce}) as known`);
  return rows[0]?.known === true;
}

/** Of the tickets of one session that the books know; 0: none. */
async function highestNonce(from: Queryable, rand: Uint8Array): Promise<bigint> {
  const { rows } = await from.query<{ highest: bigint | null }>(sql`
    select (select max(n) from unnest(nonces) as n) as highest from ticket_nonces
    where rand_hash = ${Buffer.from(rand)}`);
  return rows[0]?.highest ?? 0n;
}

function unavailable(text: string): TributaryError {
  return new TributaryError('rpc_unavailable', text);
}
