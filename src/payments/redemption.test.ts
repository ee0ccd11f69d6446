import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../base/bytes.ts';
import { wei } from '../base/money.ts';
import {
  BATCH_TICKETS_MAX,
  decideRedemption,
  planRedemptions,
  type QueuedTicket,
  type RedemptionSender,
  type RedemptionView,
} from './redemption.ts';
import { type Ticket, ticketHash } from './ticket.ts';
import { anyTerms, gateway } from './tickets.test-kit.ts';

const FACE = 10n ** 15n;
const view: RedemptionView = {
  currentRound: 5n,
  roundInitialized: true,
  lastL1Block: 200n,
  gasPrice: wei(10_000_000n),
  gasPriceMax: undefined,
  redeemGas: 1_200_000n,
  batchedGas: 300_000n,
  paused: false,
};
const sender: RedemptionSender = {
  deposit: wei(10n * FACE),
  reserve: wei(10n * FACE),
  claimable: wei(FACE),
  withdrawRound: 0n,
  pending: wei(0n),
  used: new Set(),
};

function queued(nonce: number, change: Partial<Ticket & QueuedTicket> = {}): QueuedTicket {
  const ticket: Ticket = { ...anyTerms, nonce, ...change };
  return {
    ticket,
    id: hex(ticketHash(ticket)),
    expirationBlock: change.expirationBlock ?? 140n,
    failure: change.failure,
  };
}

/** `redeem`, or action and reason in one word. */
function decided(
  change: Parameters<typeof queued>[1] = {},
  at: Partial<RedemptionView> = {},
  from: Partial<RedemptionSender> = {},
): string {
  const decision = decideRedemption(queued(1, change), { ...view, ...at }, { ...sender, ...from });
  return decision.action === 'redeem' ? 'redeem' : `${decision.action} ${decision.reason}`;
}

test('a ticket is redeemed when nobody can use its number any more and it pays', () => {
  assert.equal(decided(), 'redeem');
  assert.equal(decided({}, { lastL1Block: 140n }), 'redeem');
  assert.equal(decided({}, { lastL1Block: 139n }), 'wait params_live');
});

test('rounds decide: this one and the next, then it is lost', () => {
  assert.equal(decided({}, { currentRound: 6n }), 'redeem');
  assert.equal(decided({}, { currentRound: 7n }), 'write_off expired');
  assert.equal(decided({}, { roundInitialized: false }), 'wait round_not_initialized');
  assert.equal(decided({}, { paused: true }), 'wait contract_paused');
});

test('gas above the ceiling waits, a tenth of the face value until the last round, then half', () => {
  const dear = wei(100_000_000n); // 12 % of the face value
  assert.equal(decided({}, { gasPrice: dear }), 'wait gas_above_share');
  assert.equal(decided({}, { gasPrice: dear, currentRound: 6n }), 'redeem');
  const ceiling = { gasPrice: dear, gasPriceMax: wei(99_999_999n), currentRound: 6n };
  assert.equal(decided({}, ceiling), 'wait gas_above_ceiling');
  const loss = wei(416_666_667n);
  const half = wei(416_666_666n);
  assert.equal(decided({}, { gasPrice: half, currentRound: 6n }), 'redeem');
  assert.equal(decided({}, { gasPrice: loss, currentRound: 6n }), 'wait gas_above_share');
});

test('a sender that cannot pay now is waited for, and taken at its last round for what it has', () => {
  const poor = { deposit: wei(FACE / 4n), claimable: wei(FACE / 4n) };
  assert.equal(decided({}, {}, poor), 'wait sender_short');
  assert.equal(decided({}, { currentRound: 6n }, poor), 'redeem');
  const broke = { deposit: wei(0n), claimable: wei(0n) };
  assert.equal(decided({}, { currentRound: 6n }, broke), 'wait sender_short');
  assert.equal(decided({}, {}, { pending: wei(11n * FACE) }), 'wait sender_short');
  assert.equal(decided({}, {}, { withdrawRound: 6n }), 'redeem');
  assert.equal(decided({}, {}, { withdrawRound: 5n }), 'wait sender_short');
  assert.equal(
    decided({}, { currentRound: 6n }, { withdrawRound: 6n }),
    'write_off sender_unlocked',
  );
});

test('what no contract would take is written off with its reason', () => {
  const { id } = queued(1);
  assert.equal(decided({}, {}, { used: new Set([id]) }), 'write_off already_used');
  assert.equal(decided({ creationRoundBlockHash: new Uint8Array(32) }), 'write_off no_block_hash');
  assert.equal(decided({ faceValue: wei(0n) }), 'write_off worthless');
  const reverted = (text: string, retryAtBlock = 0n) =>
    decided({ failure: { kind: 'reverted', text, retryAtBlock } });
  assert.equal(reverted('execution reverted: ticket is used'), 'write_off reverted');
  assert.equal(reverted('execution reverted: transcoder must be registered'), 'redeem');
  assert.equal(reverted('current round is not initialized', 201n), 'wait retry_later');
  assert.equal(decided({ failure: { kind: 'not_sent', retryAtBlock: 201n } }), 'wait retry_later');
});

test('the plan takes what lapses first, batches it, and lets nobody block those behind', () => {
  const late = queued(1);
  const early = queued(2, { creationRound: 4n });
  const live = queued(3, { expirationBlock: 300n });
  const lost = queued(4, { creationRound: 3n });
  const stranger = queued(5, { sender: Buffer.alloc(20, 7) });
  const senders = new Map([[hex(gateway), sender]]);
  const plan = planRedemptions([late, live, early, lost, stranger], view, senders);
  assert.deepEqual(plan.redeem, [{ tickets: [early, late], gas: 1_500_000n, pays: 2n * FACE }]);
  assert.deepEqual(
    plan.waiting.map(({ queued: { ticket }, reason }) => [ticket.nonce, reason]).toSorted(),
    [
      [3, 'params_live'],
      [5, 'retry_later'],
    ],
  );
  assert.deepEqual(plan.writeOff, [{ queued: lost, reason: 'expired' }]);
});

test('no more is redeemed at once than the sender can pay', () => {
  const queue = Array.from({ length: 30 }, (_, nonce) => queued(nonce));
  const plan = planRedemptions(queue, view, new Map([[hex(gateway), sender]]));
  const sizes = plan.redeem.map(({ tickets }) => tickets.length);
  assert.deepEqual(sizes, [11]);
  assert.equal(plan.waiting.length, 19);
  assert.ok(plan.waiting.every(({ reason }) => reason === 'sender_short'));
  const rich = { ...sender, deposit: wei(100n * FACE) };
  const many = planRedemptions(queue, view, new Map([[hex(gateway), rich]]));
  assert.deepEqual(
    many.redeem.map(({ tickets }) => tickets.length),
    [BATCH_TICKETS_MAX, 10],
  );
  const single = planRedemptions(
    queue,
    { ...view, batchedGas: view.redeemGas },
    new Map([[hex(gateway), rich]]),
  );
  assert.equal(single.redeem.length, 30);
});
