import type { Instant } from '../base/clock.ts';
import type { Pixels, Wei } from '../base/money.ts';
import {
  add,
  ceil,
  compare,
  divide,
  max,
  multiply,
  type Rational,
  rational,
  subtract,
  ZERO,
} from './rational.ts';

/**
 * How long an idle balance counts. go-livepeer forgets it after 10 to 20 minutes, and its gateways
 * forget theirs with the session; longer costs us a row and spares a slow gateway its credit.
 */
export const BALANCE_IDLE_MS = 60 * 60 * 1000;

/** What one sender has paid and used up in one session; wei, exactly. */
export interface Balance {
  readonly credited: Rational;
  readonly debited: Rational;
  /** Estimated fees of work that runs: neither debited yet nor free to be spent again. */
  readonly held: Rational;
  /** Wei per pixel of the first payment with tickets. */
  readonly fixedPrice: Rational | undefined;
  readonly usedAt: Instant;
}

export function emptyBalance(now: Instant): Balance {
  return { credited: ZERO, debited: ZERO, held: ZERO, fixedPrice: undefined, usedAt: now };
}

/** What is left; below 0 after work that cost more than was paid. */
export function remaining({ credited, debited }: Balance): Rational {
  return subtract(credited, debited);
}

/** Adds credit. The first price with tickets stays. Throws RangeError when it is negative. */
export function credit(
  balance: Balance,
  payment: { readonly amount: Rational; readonly price: Rational },
  now: Instant,
): Balance {
  return {
    ...balance,
    credited: add(balance.credited, notNegative(payment.amount)),
    fixedPrice: balance.fixedPrice ?? payment.price,
    usedAt: now,
  };
}

/**
 * What work costs: our own count of pixels, at the price of the payment, without rounding.
 * Wire: go-livepeer core/orchestrator.go:DebitFees.
 */
export function fee(count: Pixels, price: Rational): Rational {
  return multiply(rational(count), price);
}

/** Work that may start with its estimated fee held back, or why not and what the gateway reads. */
export type Admission =
  | { readonly ok: true; readonly balance: Balance; readonly hold: Rational }
  | {
      readonly ok: false;
      readonly reason: 'insufficient_balance' | 'unpaid_work_capped';
      readonly text: 'Insufficient balance' | 'OrchestratorBusy';
    };

/** What is asked before a session's work starts. */
export interface AdmissionRule {
  /** Wei per pixel. */
  readonly price: Rational;
  /** The expected value of a ticket: gateways keep at least so much credit. */
  readonly ticketEv: Wei;
  /** What the work will cost as far as can be told; 0 when nothing can. */
  readonly estimate: Rational;
  /** Of all other sessions of this sender: work under way beyond their balances. */
  readonly unpaidElsewhere: Rational;
  /** The most that a sender may owe with all its work under way. */
  readonly unpaidMax: Wei;
}

/**
 * May this work start? Free work always may. Else the balance is at least a ticket's expected value
 * (so never negative), and what the sender would owe stays below the cap, however many segments it
 * sends at once. Wire: go-livepeer server/segment_rpc.go:ServeSegment.
 */
export function admit(balance: Balance, rule: AdmissionRule, now: Instant): Admission {
  if (rule.price.numerator <= 0n) return { ok: true, balance, hold: ZERO };
  if (compare(remaining(balance), rational(rule.ticketEv)) < 0) {
    return { ok: false, reason: 'insufficient_balance', text: 'Insufficient balance' };
  }
  const hold = notNegative(rule.estimate);
  const after: Balance = { ...balance, held: add(balance.held, hold), usedAt: now };
  const owed = add(unpaid(after), rule.unpaidElsewhere);
  if (compare(owed, rational(rule.unpaidMax)) > 0) {
    return { ok: false, reason: 'unpaid_work_capped', text: 'OrchestratorBusy' };
  }
  return { ok: true, balance: after, hold };
}

/** Work under way, and debts, beyond the balance; never negative. */
export function unpaid(balance: Balance): Rational {
  return max(ZERO, subtract(balance.held, remaining(balance)));
}

/** Ends work: gives its hold back and debits what it really cost, also when it failed. */
export function settle(
  balance: Balance,
  work: { readonly hold: Rational; readonly fee: Rational },
  now: Instant,
): Balance {
  const held = subtract(balance.held, work.hold);
  if (held.numerator < 0n) throw new RangeError('more was given back than was held');
  const debited = add(balance.debited, notNegative(work.fee));
  return { ...balance, held, debited, usedAt: now };
}

/** Whether a balance may be forgotten: idle, and no work of it under way. */
export function balanceIdle(balance: Balance, now: Instant): boolean {
  return balance.held.numerator === 0n && now - balance.usedAt >= BALANCE_IDLE_MS;
}

/**
 * How many tickets a gateway sends to have `minCredit`. Our demo gateway pays by it, and it tells
 * what to expect of others. Wire: go-livepeer core/accounting.go:StageUpdate.
 */
export function ticketsNeeded(question: {
  readonly minCredit: Rational;
  readonly existing: Rational;
  readonly ticketEv: Rational;
}): bigint {
  const { minCredit, existing, ticketEv } = question;
  if (compare(existing, minCredit) >= 0) return 0n;
  return ceil(divide(subtract(minCredit, existing), ticketEv));
}

function notNegative(amount: Rational): Rational {
  if (amount.numerator < 0n) throw new RangeError('credits, fees and holds are not negative');
  return amount;
}
