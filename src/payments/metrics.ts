import type { Metrics } from '../base/metrics.ts';
import type { PaymentDecision, PaymentReason } from './process-payment.ts';

/** Counts of this folder. Labels are closed lists: nothing that a gateway chooses is one. */
export function paymentMetrics(metrics: Metrics) {
  const tickets = metrics.counter(
    'tributary_payments_tickets_total',
    'Tickets of gateways, by what became of them; a winning one is also credited or refused.',
    ['outcome'],
  );
  const refusals = metrics.counter(
    'tributary_payments_refused_total',
    'Payments that were refused, by the reason that the gateway was told.',
    ['reason'],
  );
  const refused = (reason: PaymentReason) => refusals.inc({ reason });
  return {
    refused,
    judged({ ticketsCredited, ticketsRefused, winners, refusal }: PaymentDecision) {
      tickets.inc({ outcome: 'credited' }, ticketsCredited);
      tickets.inc({ outcome: 'refused' }, ticketsRefused);
      tickets.inc({ outcome: 'won' }, winners.length);
      if (refusal) refused(refusal.reason);
    },
  };
}
