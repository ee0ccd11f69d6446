import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import sql from 'sql-template-tag';
import { hex } from '../base/bytes.ts';
import { wei } from '../base/money.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { openScratch } from '../database/scratch.ts';
import { addressOf } from '../protocol/signature.ts';
import { createRandSecrets } from './rand-secrets.ts';
import { add, multiply, rational, ZERO } from './rational.ts';
import { createReceiver } from './receive-payment.ts';
import { createRecovery } from './recover-threads.ts';
import {
  balanceSession,
  debitBalance,
  forgetExpiredNonces,
  forgetIdleBalances,
  left,
  loadBalance,
  paymentTotals,
} from './store.ts';
import { expectedValue, ticketHash, WIN_PROB_MAX } from './ticket.ts';
import { orchestrator, payment, paymentView, sessionPrice, termsOf } from './tickets.test-kit.ts';
import {
  claimedWinners,
  claimWinners,
  endWinner,
  queuedWinners,
  requeueWinner,
} from './winners-store.ts';

const scratch = await openScratch();
const { database } = scratch;
const other = await openDatabase({ url: database.url });
const recovery = createRecovery({ threads: 1 });
const receive = createReceiver({ database, recovery });
const receiveElsewhere = createReceiver({ database: other, recovery });
after(async () => {
  await recovery.close();
  await other.close();
  await scratch[Symbol.asyncDispose]();
});

let serial = 0;
/** A gateway of its own for each test, so that none sees another's money. */
function newGateway() {
  const key = Buffer.alloc(32, ++serial);
  return { key, sender: addressOf(key) };
}

const { fixedPrice: _, ...view } = paymentView;
const worth = (paid: ReturnType<typeof payment>, count: number) =>
  multiply(expectedValue(termsOf(paid)), rational(BigInt(count)));
const S = balanceSession('s');
const debit = (sender: Uint8Array, fee: typeof ZERO) =>
  database.transact((tx) => debitBalance(tx, { sender, session: S }, fee));

test('a payment is credited exactly, fixes the price, and survives', async () => {
  const gateway = newGateway();
  const paid = payment({ ...gateway, nonces: [1, 2, 3] });
  const received = await receive({ payment: paid, session: S, view });
  assert.ok(received.ok);
  assert.equal(received.ticketsCredited, 3);
  const balance = await loadBalance(other, { sender: gateway.sender, session: S });
  assert.deepEqual(balance, { credited: worth(paid, 3), debited: ZERO, fixedPrice: sessionPrice });
  assert.deepEqual(received.balance, balance);
});

test('the same tickets again, here and on another node at once, are credited once', async () => {
  const gateway = newGateway();
  const paid = payment({ ...gateway, nonces: [1, 2, 3, 4] });
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      (at % 2 === 0 ? receive : receiveElsewhere)({
        payment: paid,
        session: balanceSession(`s${at}`),
        view,
      }),
    ),
  );
  assert.equal(results.filter(({ ok }) => ok).length, 1);
  for (const result of results) {
    if (!result.ok) assert.equal(result.refusal.reason, 'nonce_seen');
  }
  const counts = results.map(({ ticketsCredited }) => ticketsCredited);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    4,
  );
});

test('overlapping payments for one recipientRand credit each nonce once', async () => {
  const gateway = newGateway();
  const rows = [
    [1, 2, 3],
    [3, 4, 5],
    [5, 6],
    [1, 6, 7],
  ];
  const paid = rows.map((nonces) => payment({ ...gateway, nonces }));
  const results = await Promise.all(
    paid.map((one, at) =>
      (at % 2 === 0 ? receive : receiveElsewhere)({ payment: one, session: S, view }),
    ),
  );
  const credited = results.reduce((sum, { ticketsCredited }) => sum + ticketsCredited, 0);
  assert.equal(credited <= 7, true);
  const balance = await loadBalance(database, { sender: gateway.sender, session: S });
  assert.ok(balance);
  assert.deepEqual(balance.credited, worth(payment(gateway), credited));
});

test('debits at any price keep every fraction, and a balance may go below zero', async () => {
  const { sender } = newGateway();
  const fees = [rational(1n, 3n), rational(1n, 7n), rational(5n, 21n), rational(10n ** 24n, 9n)];
  await Promise.all(fees.map((fee) => debit(sender, fee)));
  const balance = await loadBalance(database, { sender, session: S });
  assert.ok(balance);
  assert.deepEqual(balance.debited, fees.reduce(add, ZERO));
  assert.equal(left(balance).numerator < 0n, true);
  await assert.rejects(debit(sender, rational(-1n)), RangeError);
});

test('a winning ticket is there once the payment is answered, and ends once', async () => {
  const gateway = newGateway();
  const paid = certain(gateway);
  const received = await receive({ payment: paid, session: S, view });
  assert.equal(received.ticketsWon, 1);
  await receiveElsewhere({ payment: paid, session: S, view });
  const mine = async (from: Database) =>
    (await queuedWinners(from)).filter(({ ticket }) => hex(ticket.sender) === hex(gateway.sender));
  const [winner, ...more] = await mine(other);
  assert.ok(winner);
  assert.deepEqual(more, []);
  const ticket = { ...termsOf(paid), nonce: 1 };
  assert.equal(winner.id, hex(ticketHash(ticket)));
  assert.deepEqual(winner.sig, paid.tickets[0]?.sig);
  assert.equal(winner.ticket.winProb, WIN_PROB_MAX);

  const claims = await Promise.all(
    [database, other].map((node) =>
      node.transact((tx) => claimWinners(tx, [winner.id], orchestrator)),
    ),
  );
  const intent = `redeem:${winner.id}`;
  const [claim, ...lost] = claims.filter((one) => one !== undefined);
  assert.deepEqual(claim, { intent, ids: new Set([winner.id]) });
  assert.deepEqual(lost, []);
  assert.deepEqual(
    (await claimedWinners(other)).map(({ id, intent, redeemer }) => [id, intent, hex(redeemer)]),
    [[winner.id, intent, hex(orchestrator)]],
  );
  // While a transaction may redeem it, it is not lost, whatever the chain looks like.
  const lapsed = { state: 'written_off', reason: 'expired' } as const;
  assert.equal(await database.transact((tx) => endWinner(tx, winner.id, lapsed)), false);
  const failure = { kind: 'reverted', text: 'out of gas', retryAtBlock: 12n } as const;
  const requeue = (from: string) =>
    database.transact((tx) => requeueWinner(tx, { id: winner.id, intent: from }, failure));
  assert.deepEqual([await requeue('redeem:other'), await requeue(intent)], [false, true]);
  assert.deepEqual((await mine(database))[0]?.failure, failure);
  const again = await database.transact((tx) => claimWinners(tx, [winner.id], orchestrator));
  assert.equal(again?.intent, `${intent}:2`);
  const end = { state: 'redeemed', transaction: Buffer.alloc(32, 1), paid: wei(1n) } as const;
  const ends = await Promise.all(
    [database, other].map((node) => node.transact((tx) => endWinner(tx, winner.id, end))),
  );
  assert.deepEqual(ends.toSorted(), [false, true]);
  assert.deepEqual(await mine(database), []);
  await assert.rejects(
    database.query(sql`update winning_ticket set state = 'queued', paid = null, settled_at = null`),
    { code: 'database_failed' },
  );
  await assert.rejects(database.query(sql`delete from winning_ticket`), {
    code: 'database_failed',
  });
  const totals = await paymentTotals(database);
  assert.equal(totals.ticketsRedeemed, 1n);
  assert.equal(totals.redeemed, 1n);
  assert.equal(totals.ticketsQueued, 0n);
});

test('a payment whose transaction fails credits nothing and uses no nonce', async () => {
  const gateway = newGateway();
  const paid = payment({ ...gateway, nonces: [1] });
  const broken: Database = {
    ...database,
    transact: (run) =>
      database.transact(async (tx) => {
        await run(tx);
        throw new Error('the power went out');
      }),
  };
  const failing = createReceiver({ database: broken, recovery });
  await assert.rejects(failing({ payment: paid, session: S, view }), /power/);
  const received = await receive({ payment: paid, session: S, view });
  assert.ok(received.ok);
  assert.equal(received.ticketsCredited, 1);
});

test('nonces go after their expiry and a replay is refused as expired, idle balances go with time', async () => {
  const gateway = newGateway();
  const paid = payment({ ...gateway, nonces: [1], seed: 99 });
  await receive({ payment: paid, session: S, view });
  const { expirationBlock, recipientRandHash } = termsOf(paid);
  const kept = async () => {
    const { count } = await database.query(
      sql`select 1 from ticket_nonces where rand_hash = ${Buffer.from(recipientRandHash)}`,
    );
    return count;
  };
  await forgetExpiredNonces(database, expirationBlock + 127n);
  assert.equal(await kept(), 1);
  await forgetExpiredNonces(database, expirationBlock + 128n);
  assert.equal(await kept(), 0);
  const late = { ...view, lastL1Block: expirationBlock + 128n };
  const again = await receive({ payment: paid, session: S, view: late });
  assert.equal(!again.ok && again.refusal.text, 'TicketParams expired');
  assert.equal(await forgetIdleBalances(database, 3_600_000), 0);
  assert.equal((await forgetIdleBalances(database, -1_000)) > 0, true);
});

test('whatever a gateway calls its session, it has one balance by it', async () => {
  const gateway = newGateway();
  const ids = ['', '27_stabilityai/sd-turbo', 'nul\0', 'é', 'x'.repeat(100_000), '\ud800'];
  for (const [at, id] of ids.entries()) {
    const session = balanceSession(id);
    const paid = payment({ ...gateway, seed: at + 1, nonces: [1] });
    assert.equal((await receive({ payment: paid, session, view })).ok, true);
    const balance = await loadBalance(database, { sender: gateway.sender, session });
    assert.deepEqual(balance?.credited, worth(paid, 1));
  }
  assert.equal(balanceSession('27_stabilityai/sd-turbo'), '27_stabilityai/sd-turbo');
  // Nobody reaches another balance by naming its hash.
  assert.notEqual(balanceSession(balanceSession('é')), balanceSession('é'));
});

test('rand secrets are shared by nodes, sealed at rest, and overlap when they rotate', async () => {
  const sealKey = Buffer.alloc(32, 1);
  const secrets = createRandSecrets(database, sealKey);
  const elsewhere = createRandSecrets(other, sealKey);
  const [[here], [there]] = await Promise.all([secrets.load(), elsewhere.load()]);
  assert.deepEqual(here, there);
  const newer = await elsewhere.rotate();
  assert.deepEqual(await secrets.load(), [newer, here]);
  const { rows } = await database.query<{ sealed: Buffer }>(
    sql`select sealed from ticket_rand_secret`,
  );
  for (const { sealed } of rows) {
    assert.equal(sealed.includes(Buffer.from(here.key)), false);
    assert.equal(sealed.includes(Buffer.from(newer.key)), false);
  }
  const stranger = createRandSecrets(database, Buffer.alloc(32, 2));
  await assert.rejects(stranger.load(), { code: 'secret_sealed' });
  // Rows that changed places do not open.
  await database.query(sql`update ticket_rand_secret set version = 30 where version = 2`);
  await assert.rejects(secrets.load(), { code: 'secret_sealed' });
});

/** One ticket that is sure to win: its expected value is its face value. */
function certain(gateway: { key: Uint8Array; sender: Uint8Array }) {
  return payment({ ...gateway, nonces: [1], ev: 1n, maxFaceValue: 1n });
}
