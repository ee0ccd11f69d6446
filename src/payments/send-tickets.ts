import type { Payment } from '../protocol/payment.ts';
import type { Signer } from '../protocol/signature.ts';
import type { PaymentPlan } from './send-session.ts';
import { packer } from './ticket.ts';

/** Signs a plan's tickets, about 50 us each. Wire: go-livepeer server/segment_rpc.go:genPayment. */
export function signPayment({ batch, expectedPrice }: PaymentPlan, signer: Signer): Payment {
  const { address: sender } = signer;
  if (!batch) {
    return { sender, ticketParams: undefined, expiration: undefined, tickets: [], expectedPrice };
  }
  const { params, terms, nonces } = batch;
  const { creationRound, creationRoundBlockHash } = terms;
  const pack = packer(terms);
  return {
    sender,
    ticketParams: params,
    expiration: { creationRound, creationRoundBlockHash },
    tickets: nonces.map((nonce) => ({ nonce, sig: signer.sign(pack(nonce)) })),
    expectedPrice,
  };
}
