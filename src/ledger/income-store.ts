import sql from 'sql-template-tag';
import type { Instant } from '../base/clock.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { type ChainCall, type ChainMove, chainMove, type IncomeMark } from './income.ts';

/** Tickets are worth their face value times this over 2^256 - 1. protocol: TicketBroker. */
const WIN_PROB_MAX = 2n ** 256n - 1n;
/** Events that {@link waitingLpt} reads at once. */
const EVENTS_MAX = 200;

/** Only one node posts income at a time; ends with the transaction. */
export async function lockIncome(tx: Transaction): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(hashtextextended('tributary income', 0))`);
}

/** How far income is posted. */
export async function incomeMark(from: Queryable): Promise<IncomeMark> {
  const { rows } = await from.query<IncomeMark>(
    sql`select expected, redeemed, recognised from income_mark`,
  );
  const [row] = rows;
  if (!row) throw new RangeError('there is no mark of income');
  return row;
}

export async function moveIncomeMark(tx: Transaction, mark: IncomeMark): Promise<void> {
  const { expected, redeemed, recognised } = mark;
  await tx.query(sql`
    update income_mark set expected = ${expected}, redeemed = ${redeemed},
      recognised = ${recognised}`);
}

/** Wei that all credited tickets are worth on average, rounded down once over all of them. */
export async function expectedTotal(from: Queryable): Promise<bigint> {
  const { rows } = await from.query<{ credited: bigint }>(
    sql`select coalesce(sum(credited), 0) as credited from payment_total`,
  );
  return (rows[0]?.credited ?? 0n) / WIN_PROB_MAX;
}

/** Something that happened and is not in the books. */
export type BookEvent = {
  readonly number: bigint;
  readonly at: Instant;
  /** Hex of the ticket's or the transaction's hash. */
  readonly subject: string;
} & (
  | { readonly kind: 'ticket_won'; readonly face: bigint }
  | {
      readonly kind: 'ticket_redeemed';
      readonly face: bigint;
      readonly paid: bigint;
      readonly transaction: string;
    }
  | { readonly kind: 'ticket_written_off'; readonly face: bigint; readonly reason: string }
  | {
      readonly kind: 'gas';
      readonly wei: bigint;
      readonly account: Uint8Array;
      readonly intent: string;
    }
  | {
      readonly kind: 'intent';
      readonly account: Uint8Array;
      readonly block: bigint;
      readonly call: ChainCall;
    }
);

interface EventRow {
  number: bigint;
  at: Instant;
  kind: BookEvent['kind'];
  subject: string;
  face_value: bigint | null;
  paid: bigint | null;
  redeemed_by: string | null;
  reason: string | null;
  wei: bigint | null;
  account: Buffer | null;
  intent: string | null;
  block: bigint | null;
  recipient: Buffer | null;
  value: bigint | null;
  calldata: Buffer | null;
}

/** What waits, in the order in which it happened, behind the one of that number. */
export async function waitingEvents(
  from: Queryable,
  after: bigint,
  limit: number,
): Promise<readonly BookEvent[]> {
  const { rows } = await from.query<EventRow>(sql`
    select e.number, e.at, e.kind, encode(e.subject, 'hex') as subject, w.face_value, w.paid,
      encode(w.transaction, 'hex') as redeemed_by, w.reason, g.wei, t.account, i.id as intent,
      i.block, i.recipient, i.value, i.calldata
    from book_event e
    left join winning_ticket w on e.kind like 'ticket%' and w.hash = e.subject
    left join chain_gas g on e.kind = 'gas' and g.hash = e.subject
    left join chain_transaction t on e.kind in ('gas', 'intent') and t.hash = e.subject
    left join chain_nonce n
      on (n.chain_id, n.account, n.nonce) = (t.chain_id, t.account, t.nonce)
    left join chain_intent i on i.number = n.intent
    where e.number > ${after} order by e.number limit ${limit}`);
  return rows.map(decodeEvent);
}

/** A final transaction that moved LPT of the pool, and is not in the books. */
export interface LptEvent {
  readonly event: BookEvent & { readonly kind: 'intent' };
  readonly move: Extract<ChainMove, { move: 'reward' | 'own_lpt' }>['move'];
}

/** Of all that waits, what moved LPT: how much, the chain alone knows. */
export async function* waitingLpt(
  from: Queryable,
  bondingManager: Uint8Array,
): AsyncGenerator<LptEvent> {
  for (let after = 0n; ; ) {
    const events = await waitingEvents(from, after, EVENTS_MAX);
    for (const event of events) {
      if (event.kind !== 'intent') continue;
      const move = chainMove(event.call, bondingManager)?.move;
      if (move === 'reward' || move === 'own_lpt') yield { event, move };
    }
    const last = events.at(-1);
    if (!last || events.length < EVENTS_MAX) return;
    after = last.number;
  }
}

/** What of the redemption reached the orchestrator is asked of the chain later; `block`: where it is known. */
export async function noteUnmeasured(
  tx: Transaction,
  transaction: string,
  block?: bigint,
): Promise<void> {
  await tx.query(sql`
    insert into redemption_unmeasured (transaction, block)
    values (decode(${transaction.slice(2)}, 'hex'), ${block ?? null}) on conflict do nothing`);
}

/** It is posted, in this transaction. */
export async function forgetEvents(tx: Transaction, numbers: readonly bigint[]): Promise<void> {
  await tx.query(sql`delete from book_event where number = any(${numbers.map(String)}::bigint[])`);
}

function decodeEvent(row: EventRow): BookEvent {
  const { number, at, subject, kind } = row;
  const base = { number, at, subject };
  const face = () => row.face_value ?? missing(kind);
  switch (kind) {
    case 'ticket_won':
      return { ...base, kind, face: face() };
    case 'ticket_redeemed': {
      const paid = row.paid ?? missing(kind);
      return { ...base, kind, face: face(), paid, transaction: `0x${row.redeemed_by}` };
    }
    case 'ticket_written_off':
      return { ...base, kind, face: face(), reason: row.reason ?? 'unknown' };
    case 'gas': {
      const account = row.account ?? missing(kind);
      const wei = row.wei ?? missing(kind);
      return { ...base, kind, wei, account, intent: row.intent ?? 'unknown' };
    }
    case 'intent': {
      const { intent, recipient, value, calldata } = row;
      if (intent === null || !recipient || value === null || !calldata) return missing(kind);
      const call: ChainCall = { intent, recipient, value, calldata };
      const account = row.account ?? missing(kind);
      return { ...base, kind, account, block: row.block ?? missing(kind), call };
    }
  }
}

/** What an event is about is kept for ever, so it is there. */
function missing(kind: BookEvent['kind']): never {
  throw new RangeError(`an event of the kind ${kind} is about something that is not stored`);
}
