import { crashPoint } from '../base/crash-point.ts';
import type { Database } from '../database/database.ts';
import type { Payment } from '../protocol/payment.ts';
import type { paymentMetrics } from './metrics.ts';
import {
  decidePayment,
  type PaymentRefusal,
  type PaymentView,
  preparePayment,
} from './process-payment.ts';
import type { Rational } from './rational.ts';
import type { Recovery } from './recover-threads.ts';
import {
  appendPayment,
  type BalanceSession,
  claimNonces,
  loadBalance,
  type StoredBalance,
} from './store.ts';

/** What payments are received with. */
export interface ReceiverParts {
  readonly database: Database;
  readonly recovery: Recovery;
  readonly metrics?: ReturnType<typeof paymentMetrics>;
}

/** A payment and the session that it is for. */
export interface Incoming {
  readonly payment: Payment;
  readonly session: BalanceSession;
  /** As of now; the price that the session keeps is looked up here. */
  readonly view: Omit<PaymentView, 'fixedPrice'>;
}

/** What came of a payment: the price of the work that follows, or why it is refused. */
export type Received =
  | {
      readonly ok: true;
      readonly price: Rational;
      readonly balance: StoredBalance | undefined;
      readonly ticketsCredited: number;
      readonly ticketsWon: number;
    }
  | {
      readonly ok: false;
      readonly refusal: PaymentRefusal;
      readonly ticketsCredited: number;
      readonly ticketsWon: number;
    };

/**
 * Takes payments in: cheap checks, signatures on threads, then one transaction in which nonces,
 * credit and winners are decided and written. It resolves when all of it would survive a power cut.
 * Throws what database and recovery throw; then nothing was credited (or, after
 * `database_commit_unknown`, all of it and the gateway's repetition is refused as seen).
 */
export function createReceiver({ database, recovery, metrics }: ReceiverParts) {
  return async function receive({ payment, session, view }: Incoming): Promise<Received> {
    const key = { sender: payment.sender, session };
    const before = await loadBalance(database, key);
    const prepared = preparePayment(payment, { ...view, fixedPrice: before?.fixedPrice });
    switch (prepared.state) {
      case 'refused':
        metrics?.refused(prepared.refusal.reason);
        return { ok: false, refusal: prepared.refusal, ticketsCredited: 0, ticketsWon: 0 };
      case 'no_tickets':
        return {
          ok: true,
          price: prepared.price,
          balance: before,
          ticketsCredited: 0,
          ticketsWon: 0,
        };
      case 'tickets': {
        const { terms, price } = prepared;
        const examined = await recovery.examine(prepared);
        crashPoint('tickets_verified');
        const { decision, balance } = await database.transact(async (tx) => {
          const seen = await claimNonces(tx, terms);
          const decision = decidePayment(prepared, examined, seen);
          const settled = { ...key, recipientRandHash: terms.recipientRandHash, price, decision };
          const balance = await appendPayment(tx, settled);
          crashPoint('credit_before_commit');
          return { decision, balance };
        });
        const { ticketsCredited, winners, refusal } = decision;
        crashPoint('credit_after_commit');
        if (winners.length > 0) crashPoint('winner_stored');
        metrics?.judged(decision);
        const counts = { ticketsCredited, ticketsWon: winners.length };
        return refusal
          ? { ok: false, refusal, ...counts }
          : { ok: true, price, balance, ...counts };
      }
    }
  };
}
