import { keccak256 } from '../base/keccak.ts';
import type { Redeemed } from '../chain/view.ts';
import type { Queryable } from '../database/transaction.ts';
import { word } from '../payments/big-endian.ts';
import { noteSeenWinner } from '../payments/winners-store.ts';

/**
 * What a chain watch is opened with in every program that keeps winning tickets: it remembers which
 * transaction the chain shows for a ticket, whoever sent it. Without that, a ticket that somebody
 * else redeemed would be written off although it was paid.
 */
export function noteRedeemed(database: Queryable): (event: Redeemed) => Promise<void> {
  return (event) =>
    noteSeenWinner(database, {
      sender: event.ticketSender,
      recipientRandHash: keccak256(word(event.recipientRand)),
      nonce: event.senderNonce,
      transaction: Buffer.from(event.transaction.slice(2), 'hex'),
      removed: event.removed,
    });
}
