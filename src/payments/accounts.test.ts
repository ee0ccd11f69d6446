import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FakeClock } from '../base/clock.ts';
import { pixels, wei } from '../base/money.ts';
import type { Database } from '../database/database.ts';
import { openScratch } from '../database/scratch.ts';
import { addressOf } from '../protocol/signature.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import { rational } from './rational.ts';
import { createReceiver } from './receive-payment.ts';
import { createRecovery } from './recover-threads.ts';
import { balanceSession, left, loadBalance } from './store.ts';
import { payment, paymentView } from './tickets.test-kit.ts';

const scratch = await openScratch();
const { database } = scratch;
const recovery = createRecovery({ threads: 1 });
const receive = createReceiver({ database, recovery });
after(async () => {
  await recovery.close();
  await scratch[Symbol.asyncDispose]();
});

const accountsOn = (on: Database): Accounts =>
  createAccounts({
    database: on,
    clock: new FakeClock(),
    ticketEv: wei(1_000n),
    unpaidMax: wei(5_000n),
  });
const price = rational(10n);
const { fixedPrice: _, ...view } = paymentView;

let serial = 0;
/** A gateway that has paid for `tickets` of 1,000 wei in a session. */
async function paying(tickets: number, id = 's') {
  const key = Buffer.alloc(32, ++serial);
  const sender = addressOf(key);
  const session = balanceSession(id);
  const nonces = Array.from({ length: tickets }, (__, at) => at + 1);
  const paid = payment({ key, sender, nonces });
  if (tickets > 0) assert.ok((await receive({ payment: paid, session, view })).ok);
  const balance = async () => {
    const stored = await loadBalance(database, { sender, session });
    return stored ? Number(left(stored).numerator / left(stored).denominator) : undefined;
  };
  return { sender, session, balance };
}

test('work is debited by its counted pixels, and failed work costs nothing', async () => {
  const accounts = accountsOn(database);
  const { balance, ...key } = await paying(3);
  const first = await accounts.start({ ...key, price, estimate: rational(2_000n) });
  assert.ok(first.ok);
  await first.work.settle(pixels(150n));
  await first.work.settle(pixels(150n));
  assert.equal(await balance(), 1_500);
  const second = await accounts.start({ ...key, price, estimate: rational(2_000n) });
  assert.ok(second.ok);
  await second.work.settle(pixels(0n));
  assert.equal(await balance(), 1_500);
  assert.equal(accounts.busySenders, 0);
});

test('without credit there is no work, unless it is free', async () => {
  const accounts = accountsOn(database);
  const { balance: __, ...key } = await paying(0);
  const refused = await accounts.start({ ...key, price, estimate: rational(1n) });
  assert.equal(!refused.ok && refused.text, 'Insufficient balance');
  const free = await accounts.start({ ...key, price: rational(0n), estimate: rational(0n) });
  assert.equal(free.ok, true);
});

test('segments sent at once, in one session or several, stop at the cap', async () => {
  const accounts = accountsOn(database);
  const { balance: __, ...key } = await paying(2);
  const ask = { ...key, price, estimate: rational(2_000n) };
  const started = await Promise.all(Array.from({ length: 8 }, () => accounts.start(ask)));
  const running = started.flatMap((one) => (one.ok ? [one.work] : []));
  // 2,000 paid and 5,000 owed at most: three times 2,000.
  assert.equal(running.length, 3);
  assert.ok(started.every((one) => one.ok || one.text === 'OrchestratorBusy'));
  await running[0]?.settle(pixels(0n));
  assert.equal((await accounts.start(ask)).ok, true);
});

test('a debit that fails keeps the hold, and succeeds when it is tried again', async () => {
  const { balance, ...key } = await paying(2);
  let broken = true;
  const flaky: Database = {
    ...database,
    transact: (run) => (broken ? Promise.reject(new Error('away')) : database.transact(run)),
  };
  const accounts = accountsOn(flaky);
  const started = await accounts.start({ ...key, price, estimate: rational(1_000n) });
  assert.ok(started.ok);
  await assert.rejects(started.work.settle(pixels(50n)), /away/);
  assert.equal(accounts.busySenders, 1);
  broken = false;
  await started.work.settle(pixels(50n));
  assert.equal(await balance(), 1_500);
  assert.equal(accounts.busySenders, 0);
});
