import sql from 'sql-template-tag';
import { hex, parseHex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { type Wei, wei } from '../base/money.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Winner } from './process-payment.ts';
import type { QueuedTicket, RedemptionFailure, WriteOffReason } from './redemption.ts';
import { type Ticket, ticketHash } from './ticket.ts';

/** Tickets that a redemption run looks at; the rest comes with the next block. */
const QUEUE_MAX = 1_000;
/** Of them by one sender: one that cannot pay must not hide those that can. */
const QUEUE_MAX_PER_SENDER = 100;

/** A winning ticket with all that the contract asks for. */
export interface StoredWinner extends QueuedTicket {
  readonly sig: Uint8Array;
  /** Secret until the ticket is redeemed. */
  readonly recipientRand: Uint8Array;
  /** 32 bytes: the transaction that used it up, in a block that may still be undone. */
  readonly seenIn: Uint8Array | undefined;
  /** How often a transaction was to redeem it. */
  readonly tries: number;
}

/** A winning ticket that a transaction is to redeem. */
export interface ClaimedWinner extends StoredWinner {
  /** The intent by which the redeemer's journal knows that transaction. */
  readonly intent: string;
  /** 20 bytes: the account that pays the gas. */
  readonly redeemer: Uint8Array;
}

/** Keeps winning tickets. One that is there already, by whatever signature, stays as it is. */
export async function insertWinners(tx: Transaction, winners: readonly Winner[]): Promise<void> {
  for (const { ticket, sig, recipientRand, expirationBlock } of winners) {
    await tx.query(
      sql`insert into winning_ticket (hash, sender, recipient, face_value, win_prob, nonce,
        rand_hash, creation_round, creation_round_block_hash, sig, recipient_rand, expiration_block)
      values (${Buffer.from(ticketHash(ticket))}, ${Buffer.from(ticket.sender)},
        ${Buffer.from(ticket.recipient)}, ${ticket.faceValue}, ${ticket.winProb}, ${ticket.nonce},
        ${Buffer.from(ticket.recipientRandHash)}, ${ticket.creationRound},
        ${Buffer.from(ticket.creationRoundBlockHash)}, ${Buffer.from(sig)},
        ${Buffer.from(recipientRand)}, ${expirationBlock})
      on conflict (hash) do nothing`,
      'insert_winning_ticket',
    );
  }
}

/** Winning tickets that wait for their redemption, those that lapse first in front. */
export async function queuedWinners(from: Queryable): Promise<readonly StoredWinner[]> {
  const { rows } = await from.query<WinnerRow>(sql`
    select ${COLUMNS} from (
      select *, row_number() over (
        partition by sender order by creation_round, face_value desc, hash) as place
      from winning_ticket where state = 'queued') as waiting
    where place <= ${QUEUE_MAX_PER_SENDER}
    order by creation_round, face_value desc, hash limit ${QUEUE_MAX}`);
  return rows.map(decodeWinner);
}

/** Winning tickets that some node has claimed and whose outcome is awaited. */
export async function claimedWinners(from: Queryable): Promise<readonly ClaimedWinner[]> {
  const { rows } = await from.query<WinnerRow & { intent: string; redeemer: Buffer }>(sql`
    select ${COLUMNS}, intent, redeemer from winning_ticket
    where state = 'redeeming' and intent is not null
    order by intent, hash limit ${QUEUE_MAX}`);
  return rows.map((row) => ({
    ...decodeWinner(row),
    intent: row.intent,
    redeemer: new Uint8Array(row.redeemer),
  }));
}

/** Tickets that one transaction is to redeem, and the name of its intent. */
export interface WinnersClaim {
  readonly intent: string;
  readonly ids: ReadonlySet<string>;
}

/**
 * Claims tickets for a redemption, in the transaction that stores its intent; undefined when none of
 * them is left. What another node has claimed or is about to claim is not among them. The intent is
 * named by what it redeems and by how often that was tried, so that no two claims share one.
 */
export async function claimWinners(
  tx: Transaction,
  wanted: readonly string[],
  redeemer: Uint8Array,
): Promise<WinnersClaim | undefined> {
  const { rows } = await tx.query<{ hash: Buffer; tries: number }>(sql`
    select hash, tries from winning_ticket
    where hash = any(${wanted.map(hashOf)}::bytea[]) and state = 'queued'
    order by hash for update skip locked`);
  const claims = rows.map(({ hash, tries }) => ({ id: hex(hash), attempt: tries + 1 }));
  if (claims.length === 0) return undefined;
  const intent = redemptionName(claims);
  await tx.query(sql`
    update winning_ticket set state = 'redeeming', reason = null, retry_at_block = null,
      tries = tries + 1, intent = ${intent}, redeemer = ${Buffer.from(redeemer)}
    where hash = any(${rows.map(({ hash }) => hash)}::bytea[])`);
  return { intent, ids: new Set(claims.map(({ id }) => id)) };
}

/** `redeem:<ticket hash>`, further tries with their number; of a batch the hash of all of that. */
function redemptionName(claims: readonly { id: string; attempt: number }[]): string {
  const names = claims.map(({ id, attempt }) => (attempt === 1 ? id : `${id}:${attempt}`));
  const [only] = names;
  if (only !== undefined && names.length === 1) return `redeem:${only}`;
  return `redeem:batch:${hex(keccak256(Buffer.from(names.join(), 'utf8')))}`;
}

/** A claim that brought nothing: back into the queue, for a later block. */
export async function requeueWinner(
  tx: Transaction,
  { id, intent }: Pick<ClaimedWinner, 'id' | 'intent'>,
  failure: RedemptionFailure,
): Promise<boolean> {
  const { count } = await tx.query(sql`
    update winning_ticket set state = 'queued', retry_at_block = ${failure.retryAtBlock},
      reason = ${failure.kind === 'reverted' ? failure.text : null}, intent = null, redeemer = null
    where hash = ${hashOf(id)} and state = 'redeeming' and intent = ${intent}`);
  return count === 1;
}

/** Leaves a ticket in the queue until a later block, without a try: it would fail now. */
export async function delayWinner(
  tx: Queryable,
  id: string,
  failure: RedemptionFailure,
): Promise<void> {
  await tx.query(sql`
    update winning_ticket set retry_at_block = ${failure.retryAtBlock},
      reason = ${failure.kind === 'reverted' ? failure.text : null}
    where hash = ${hashOf(id)} and state = 'queued'`);
}

/** A ticket in the words of the event that tells of its end. Protocol: WinningTicketRedeemed. */
export interface SeenTicket {
  readonly sender: Uint8Array;
  readonly recipientRandHash: Uint8Array;
  readonly nonce: bigint;
  /** 32 bytes. */
  readonly transaction: Uint8Array;
  /** The block of that transaction was undone. */
  readonly removed: boolean;
}

/** Remembers where the chain shows a ticket as used up; one that is not ours changes nothing. */
export async function noteSeenWinner(from: Queryable, seen: SeenTicket): Promise<void> {
  const { sender, recipientRandHash, nonce, removed } = seen;
  const transaction = Buffer.from(seen.transaction);
  await from.query(sql`
    update winning_ticket set seen_in = ${removed ? null : transaction}
    where rand_hash = ${Buffer.from(recipientRandHash)} and sender = ${Buffer.from(sender)}
      and nonce = ${nonce} and state in ('queued', 'redeeming')
      and (not ${removed}::boolean or seen_in = ${transaction})`);
}

/** Face values of tickets that a transaction is to redeem and no block shows yet, by sender. */
export async function pendingFaceValues(from: Queryable): Promise<ReadonlyMap<string, Wei>> {
  const { rows } = await from.query<{ sender: Buffer; pending: bigint }>(sql`
    select sender, sum(face_value) as pending from winning_ticket
    where state = 'redeeming' and seen_in is null group by sender`);
  return new Map(rows.map(({ sender, pending }) => [hex(sender), wei(pending)]));
}

/** What became of all winning tickets. */
export interface WinnerTotals {
  readonly queued: bigint;
  /** A transaction for them exists that is not final. */
  readonly redeeming: bigint;
  readonly redeemed: bigint;
  readonly redeemedWei: Wei;
  readonly writtenOff: Readonly<Partial<Record<WriteOffReason, bigint>>>;
  /** Face values of what was written off. */
  readonly writtenOffWei: Wei;
}

/** Counts all winning tickets since the database began. */
export async function winnerTotals(from: Queryable): Promise<WinnerTotals> {
  const { rows } = await from.query<{
    state: 'queued' | 'redeeming' | 'redeemed' | 'written_off';
    why: WriteOffReason | null;
    count: bigint;
    paid: bigint | null;
    face_value: bigint;
  }>(sql`
    select state, why, count(*) as count, sum(paid) as paid, sum(face_value) as face_value
    from (select *, case state when 'written_off' then reason end as why from winning_ticket) as w
    group by state, why`);
  const of = (state: string) => rows.filter((row) => row.state === state);
  const count = (state: string) => of(state)[0]?.count ?? 0n;
  const lost = of('written_off');
  return {
    queued: count('queued'),
    redeeming: count('redeeming'),
    redeemed: count('redeemed'),
    redeemedWei: wei(of('redeemed')[0]?.paid ?? 0n),
    writtenOff: Object.fromEntries(lost.map(({ why, count }) => [why, count])),
    writtenOffWei: wei(lost.reduce((sum, row) => sum + row.face_value, 0n)),
  };
}

/** How a ticket ended. Once. */
export type WinnerEnd =
  | { readonly state: 'redeemed'; readonly transaction: Uint8Array; readonly paid: Wei }
  | { readonly state: 'written_off'; readonly reason: WriteOffReason };

/**
 * Settles a ticket for good; false when it is settled already. What a transaction may still redeem
 * is not written off: it is false then, too.
 */
export async function endWinner(tx: Transaction, id: string, end: WinnerEnd): Promise<boolean> {
  const redeemed = end.state === 'redeemed';
  const from = redeemed ? ['queued', 'redeeming'] : ['queued'];
  const { count } = await tx.query(sql`
    update winning_ticket set state = ${end.state}, settled_at = now(), retry_at_block = null,
      reason = ${redeemed ? null : end.reason}, paid = ${redeemed ? end.paid : null},
      transaction = ${redeemed ? Buffer.from(end.transaction) : null}
    where hash = ${hashOf(id)} and state = any(${from}::text[])`);
  return count === 1;
}

const COLUMNS = sql`hash, sender, recipient, face_value, win_prob, nonce, rand_hash,
  creation_round, creation_round_block_hash, sig, recipient_rand, expiration_block, reason,
  retry_at_block, seen_in, tries`;

interface WinnerRow {
  hash: Buffer;
  sender: Buffer;
  recipient: Buffer;
  face_value: bigint;
  win_prob: bigint;
  nonce: bigint;
  rand_hash: Buffer;
  creation_round: bigint;
  creation_round_block_hash: Buffer;
  sig: Buffer;
  recipient_rand: Buffer;
  expiration_block: bigint;
  reason: string | null;
  retry_at_block: bigint | null;
  seen_in: Buffer | null;
  tries: number;
}

function decodeWinner(row: WinnerRow): StoredWinner {
  const ticket: Ticket = {
    recipient: new Uint8Array(row.recipient),
    sender: new Uint8Array(row.sender),
    faceValue: wei(row.face_value),
    winProb: row.win_prob,
    nonce: Number(row.nonce),
    recipientRandHash: new Uint8Array(row.rand_hash),
    creationRound: row.creation_round,
    creationRoundBlockHash: new Uint8Array(row.creation_round_block_hash),
  };
  return {
    ticket,
    id: hex(row.hash),
    expirationBlock: row.expiration_block,
    failure: decodeFailure(row),
    sig: new Uint8Array(row.sig),
    recipientRand: new Uint8Array(row.recipient_rand),
    seenIn: row.seen_in ? new Uint8Array(row.seen_in) : undefined,
    tries: row.tries,
  };
}

function decodeFailure({ reason, retry_at_block }: WinnerRow): RedemptionFailure | undefined {
  if (retry_at_block === null) return undefined;
  if (reason === null) return { kind: 'not_sent', retryAtBlock: retry_at_block };
  return { kind: 'reverted', text: reason, retryAtBlock: retry_at_block };
}

function hashOf(id: string): Buffer {
  const bytes = parseHex(id);
  if (bytes?.length !== 32) throw new RangeError('not the id of a ticket');
  return Buffer.from(bytes);
}
