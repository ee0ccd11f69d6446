import sql from 'sql-template-tag';
import { hex, parseHex } from '../base/bytes.ts';
import { type Wei, wei } from '../base/money.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import type { Winner } from './process-payment.ts';
import type { QueuedTicket, RedemptionFailure, WriteOffReason } from './redemption.ts';
import { type Ticket, ticketHash } from './ticket.ts';

/** Tickets that a redemption run looks at; the rest comes with the next block. */
const QUEUE_MAX = 1_000;

/** A winning ticket with all that the contract asks for. */
export interface StoredWinner extends QueuedTicket {
  readonly sig: Uint8Array;
  /** Secret until the ticket is redeemed. */
  readonly recipientRand: Uint8Array;
  /** A transaction for it exists, so that only its outcome is awaited. */
  readonly state: 'queued' | 'redeeming';
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

/** Winning tickets that are not settled, those that lapse first in front. */
export async function openWinners(from: Queryable): Promise<readonly StoredWinner[]> {
  const { rows } = await from.query<WinnerRow>(sql`
    select hash, sender, recipient, face_value, win_prob, nonce, rand_hash, creation_round,
      creation_round_block_hash, sig, recipient_rand, expiration_block, state, reason,
      retry_at_block
    from winning_ticket where state in ('queued', 'redeeming')
    order by creation_round, face_value desc, hash limit ${QUEUE_MAX}`);
  return rows.map(decodeWinner);
}

/**
 * Claims tickets for a redemption, in the transaction that stores its intent; returns the ids that
 * it got. What another node has claimed is not among them.
 */
export async function claimWinners(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await tx.query<{ hash: Buffer }>(sql`
    update winning_ticket set state = 'redeeming', reason = null, retry_at_block = null
    where hash = any(${ids.map(hashOf)}::bytea[]) and state = 'queued'
    returning hash`);
  return new Set(rows.map(({ hash }) => hex(hash)));
}

/** A try that brought nothing: back into the queue, for a later block. */
export async function requeueWinner(
  tx: Transaction,
  id: string,
  failure: RedemptionFailure,
): Promise<void> {
  await tx.query(sql`
    update winning_ticket set state = 'queued', retry_at_block = ${failure.retryAtBlock},
      reason = ${failure.kind === 'reverted' ? failure.text : null}
    where hash = ${hashOf(id)} and state = 'redeeming'`);
}

/** How a ticket ended. Once. */
export type WinnerEnd =
  | { readonly state: 'redeemed'; readonly transaction: Uint8Array; readonly paid: Wei }
  | { readonly state: 'written_off'; readonly reason: WriteOffReason };

/** Settles a ticket for good; false when it is settled already. */
export async function endWinner(tx: Transaction, id: string, end: WinnerEnd): Promise<boolean> {
  const redeemed = end.state === 'redeemed';
  const { count } = await tx.query(sql`
    update winning_ticket set state = ${end.state}, settled_at = now(), retry_at_block = null,
      reason = ${redeemed ? null : end.reason}, paid = ${redeemed ? end.paid : null},
      transaction = ${redeemed ? Buffer.from(end.transaction) : null}
    where hash = ${hashOf(id)} and state in ('queued', 'redeeming')`);
  return count === 1;
}

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
  state: 'queued' | 'redeeming';
  reason: string | null;
  retry_at_block: bigint | null;
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
    state: row.state,
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
