import sql from 'sql-template-tag';
import { hex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import { type Wei, wei } from '../base/money.ts';
import type { Queryable, Transaction } from '../database/transaction.ts';
import { KEPT_BLOCKS } from './nonces.ts';
import type { PaymentDecision } from './process-payment.ts';
import { type Rational, rational, subtract } from './rational.ts';
import { type TicketTerms, WIN_PROB_MAX } from './ticket.ts';
import { insertWinners } from './winners-store.ts';

/** The id of a balance within its sender: printable, 1 to 256 characters. */
export type BalanceSession = string & { readonly __brand: 'BalanceSession' };

const PRINTABLE = /^[\x20-\x7e]{1,256}$/;

/** Any id that a gateway may choose, fit for a column: what is odd becomes its hash. */
export function balanceSession(id: string): BalanceSession {
  const odd = !PRINTABLE.test(id) || id.startsWith(HASHED);
  return (odd ? HASHED + hex(keccak256(Buffer.from(id, 'utf8'))) : id) as BalanceSession;
}

const HASHED = 'keccak256:';

/** Whose balance: an account, and the session, manifest or capability that it pays for. */
export interface BalanceKey {
  /** 20 bytes. */
  readonly sender: Uint8Array;
  readonly session: BalanceSession;
}

/** A balance as it is stored: what is held for running work is not. */
export interface StoredBalance {
  readonly credited: Rational;
  readonly debited: Rational;
  readonly fixedPrice: Rational | undefined;
}

/** What is left of a stored balance, wei. */
export function left({ credited, debited }: StoredBalance): Rational {
  return subtract(credited, debited);
}

/** The balance, or undefined when none was ever credited or debited, or it was forgotten. */
export async function loadBalance(
  from: Queryable,
  { sender, session }: BalanceKey,
): Promise<StoredBalance | undefined> {
  const { rows } = await from.query<BalanceRow>(
    sql`select credited, debited_numerator, debited_denominator, price_numerator, price_denominator
    from payment_balance where sender = ${Buffer.from(sender)} and session = ${session}`,
    'load_payment_balance',
  );
  return rows[0] && decodeBalance(rows[0]);
}

/**
 * The nonces that were used with a recipientRand, over all nodes. Until the transaction ends, no
 * other payment for the same recipientRand gets here: what it decides, it decides alone.
 */
export async function claimNonces(
  tx: Transaction,
  terms: Pick<TicketTerms, 'recipientRandHash'> & { readonly expirationBlock: bigint },
): Promise<ReadonlySet<number>> {
  const { rows } = await tx.query<{ nonces: readonly string[] }>(
    sql`insert into ticket_nonces as known (rand_hash, expiration_block)
    values (${Buffer.from(terms.recipientRandHash)}, ${terms.expirationBlock})
    on conflict (rand_hash) do update set expiration_block = known.expiration_block
    returning nonces::text[]`,
    'claim_ticket_nonces',
  );
  return new Set(rows[0]?.nonces.map(Number));
}

/** A judged payment, to be written with everything that it changes. */
export interface SettledPayment extends BalanceKey {
  readonly recipientRandHash: Uint8Array;
  readonly price: Rational;
  readonly decision: PaymentDecision;
}

/**
 * Writes nonces, credit and winners, in the transaction that claimed the nonces: a ticket is credited
 * once, or not at all. Returns the balance, undefined when nothing was credited and there is none.
 */
export async function appendPayment(
  tx: Transaction,
  payment: SettledPayment,
): Promise<StoredBalance | undefined> {
  const { sender, session, price, decision } = payment;
  const credit = overWinProb(decision.credit);
  const account = Buffer.from(sender);
  if (decision.noncesUsed.length > 0) {
    await tx.query(
      sql`update ticket_nonces set nonces = nonces || ${decision.noncesUsed}::bigint[]
      where rand_hash = ${Buffer.from(payment.recipientRandHash)}`,
      'use_ticket_nonces',
    );
  }
  await insertWinners(tx, decision.winners);
  await tx.query(
    sql`insert into payment_total as total (sender, tickets, refused, credited)
    values (${account}, ${decision.ticketsCredited}, ${decision.ticketsRefused}, ${credit})
    on conflict (sender) do update set tickets = total.tickets + excluded.tickets,
      refused = total.refused + excluded.refused, credited = total.credited + excluded.credited`,
    'add_payment_total',
  );
  if (decision.ticketsCredited === 0) return loadBalance(tx, payment);
  const { rows } = await tx.query<BalanceRow>(
    sql`insert into payment_balance as balance
      (sender, session, credited, price_numerator, price_denominator)
    values (${account}, ${session}, ${credit}, ${price.numerator}, ${price.denominator})
    on conflict (sender, session) do update set
      credited = balance.credited + excluded.credited,
      price_numerator = coalesce(balance.price_numerator, excluded.price_numerator),
      price_denominator = coalesce(balance.price_denominator, excluded.price_denominator),
      used_at = now()
    returning credited, debited_numerator, debited_denominator, price_numerator, price_denominator`,
    'credit_payment',
  );
  return decodeBalance(rows[0] as BalanceRow);
}

/** Debits the fee of work that was done; the balance may go below zero. */
export async function debitBalance(
  tx: Transaction,
  { sender, session }: BalanceKey,
  fee: Rational,
): Promise<StoredBalance> {
  if (fee.numerator < 0n) throw new RangeError('a fee is not negative');
  const { rows } = await tx.query<BalanceRow>(
    sql`insert into payment_balance as balance
      (sender, session, debited_numerator, debited_denominator)
    values (${Buffer.from(sender)}, ${session}, ${fee.numerator}, ${fee.denominator})
    on conflict (sender, session) do update set
      debited_numerator =
        balance.debited_numerator * div(
          lcm(balance.debited_denominator, excluded.debited_denominator),
          balance.debited_denominator)
        + excluded.debited_numerator * div(
          lcm(balance.debited_denominator, excluded.debited_denominator),
          excluded.debited_denominator),
      debited_denominator = lcm(balance.debited_denominator, excluded.debited_denominator),
      used_at = now()
    returning credited, debited_numerator, debited_denominator, price_numerator, price_denominator`,
    'debit_payment',
  );
  return decodeBalance(rows[0] as BalanceRow);
}

/** Forgets balances that were not used for so long; returns how many. */
export async function forgetIdleBalances(from: Queryable, idleMs: number): Promise<number> {
  const { count } = await from.query(
    sql`delete from payment_balance where used_at < now() - ${idleMs} * interval '1 millisecond'`,
  );
  return count;
}

/** Forgets nonces whose tickets are refused as expired anyway; returns of how many rands. */
export async function forgetExpiredNonces(from: Queryable, lastL1Block: bigint): Promise<number> {
  const { count } = await from.query(
    sql`delete from ticket_nonces where expiration_block + ${KEPT_BLOCKS} <= ${lastL1Block}`,
  );
  return count;
}

/** What all gateways paid since the database began. */
export interface PaymentTotals {
  readonly ticketsReceived: bigint;
  readonly ticketsCredited: bigint;
  readonly ticketsWon: bigint;
  readonly ticketsQueued: bigint;
  readonly ticketsRedeemed: bigint;
  readonly ticketsWrittenOff: bigint;
  readonly redeemed: Wei;
  /** Wei that the credited tickets are worth on average. */
  readonly expectedValue: Rational;
}

/** Sums for `chain status`, metrics and books. */
export async function paymentTotals(from: Queryable): Promise<PaymentTotals> {
  const { rows } = await from.query<TotalsRow>(sql`
    select received, tickets, credited, won, queued, redeemed, written_off, paid from
      (select coalesce(sum(tickets + refused), 0) as received, coalesce(sum(tickets), 0) as tickets,
        coalesce(sum(credited), 0) as credited from payment_total) as credit,
      (select count(*) as won, count(*) filter (where state = 'redeemed') as redeemed,
        count(*) filter (where state in ('queued', 'redeeming')) as queued,
        count(*) filter (where state = 'written_off') as written_off,
        coalesce(sum(paid), 0) as paid from winning_ticket) as winners`);
  const row = rows[0] as TotalsRow;
  return {
    ticketsReceived: row.received,
    ticketsCredited: row.tickets,
    ticketsWon: row.won,
    ticketsQueued: row.queued,
    ticketsRedeemed: row.redeemed,
    ticketsWrittenOff: row.written_off,
    redeemed: wei(row.paid),
    expectedValue: rational(row.credited, WIN_PROB_MAX),
  };
}

interface BalanceRow {
  credited: bigint;
  debited_numerator: bigint;
  debited_denominator: bigint;
  price_numerator: bigint | null;
  price_denominator: bigint | null;
}

interface TotalsRow {
  received: bigint;
  tickets: bigint;
  credited: bigint;
  won: bigint;
  queued: bigint;
  redeemed: bigint;
  written_off: bigint;
  paid: bigint;
}

function decodeBalance(row: BalanceRow): StoredBalance {
  const { price_numerator: over, price_denominator: under } = row;
  return {
    credited: rational(row.credited, WIN_PROB_MAX),
    debited: rational(row.debited_numerator, row.debited_denominator),
    fixedPrice: over === null || under === null ? undefined : rational(over, under),
  };
}

/** Expected values are multiples of 1 / (2^256 - 1), so credit adds up as an integer. */
function overWinProb({ numerator, denominator }: Rational): bigint {
  if (WIN_PROB_MAX % denominator !== 0n) throw new RangeError('this is no credit of tickets');
  return numerator * (WIN_PROB_MAX / denominator);
}
