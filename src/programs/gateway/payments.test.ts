import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { FakeClock } from '../../base/clock.ts';
import { createHashing } from '../../base/hashing.ts';
import { quiet } from '../../base/log.ts';
import { wei } from '../../base/money.ts';
import { compare, multiply, type Rational, rational, subtract } from '../../payments/rational.ts';
import { type SenderChainView, stockSendLimits } from '../../payments/send-params.ts';
import { profilesFromNames } from '../../protocol/profile-presets.ts';
import { keySigner } from '../../protocol/signature.ts';
import {
  FAKE_PIXELS,
  type FakeOrchestrator,
  fakeTransport,
  textBlob,
} from './fake-orchestrators.ts';
import { createFakeTill, type FakeTill } from './fake-till.ts';
import { createGateway } from './gateway.ts';
import { createPayments } from './payments.ts';
import { untilMoneyIsSeen } from './seen-money.ts';

const hashing = createHashing({ threads: 1 });
after(() => hashing.close());

const signer = keySigner(Buffer.alloc(32, 3));
const orchestratorSigner = keySigner(Buffer.alloc(32, 4));
const profiles = profilesFromNames('P240p30fps16x9');
/** What a segment costs at 1,000 wei a pixel, and what is estimated: the pixels are the same. */
const FEE = FAKE_PIXELS * 1_000n;

function open(
  orchestrators: Record<string, FakeOrchestrator>,
  options: { maxPrice?: Rational; view?: Partial<SenderChainView> } = {},
) {
  const view = {
    deposit: wei(10n ** 18n),
    reserve: wei(10n ** 18n),
    withdrawRound: 0n,
    lastInitializedRound: 5n,
    lastL1Block: 100n,
    round: { creationRound: 5n, creationRoundBlockHash: Buffer.alloc(32, 3) },
    ...options.view,
  };
  const clock = new FakeClock();
  const payments = createPayments({
    signer,
    clock,
    view: () => view,
    rules: { limits: stockSendLimits, maxPrice: options.maxPrice },
  });
  const gateway = createGateway(
    { orchestrators: Object.keys(orchestrators), attemptsMax: 3 },
    {
      transport: fakeTransport(orchestrators, clock, signer.address),
      signer,
      payments,
      hashing,
      clock,
      log: quiet,
      countPixels: async () => FAKE_PIXELS,
    },
  );
  const stream = gateway.openStream({ manifestId: 'film', profiles, input: { codec: 'h264' } });
  return { stream, payments, view };
}

const paidBy = (till: FakeTill): FakeOrchestrator & { till: FakeTill } => ({
  calls: [],
  till,
  signer: orchestratorSigner,
});
const segment = (seq: number) => ({ seq, durationMs: 2000, blob: textBlob(`segment ${seq}`) });

test('each segment is paid for, and the books agree with the orchestrator’s', async () => {
  const fake = paidBy(createFakeTill());
  const { stream, payments } = open({ 'https://one:1': fake });
  for (let seq = 0; seq < 5; seq++) assert.ok((await stream.transcode(segment(seq))).ok);

  const { tickets, expectedValue, fees } = payments.totals();
  const sent = fake.till.payments.map((payment) => payment.tickets.length);
  // The first covers the estimate with its 2 %; then each what the last one used.
  const first = Number((FEE * 102n) / 100n / 10n ** 9n) + 1;
  assert.equal(sent[0], first);
  assert.equal(
    tickets,
    sent.reduce((sum, count) => sum + count),
  );
  assert.deepEqual(fees, multiply(rational(5n), rational(FEE)));
  assert.deepEqual(fake.till.balance('session-1'), subtract(expectedValue, fees));
  assert.ok(compare(fake.till.balance('session-1'), rational(2n * 10n ** 9n + FEE / 50n)) < 0);
});

test('segments in flight at once each bring their own credit', async () => {
  const fake = paidBy(createFakeTill());
  const { stream, payments } = open({ 'https://one:1': fake });
  assert.ok((await stream.transcode(segment(0))).ok);
  const outcomes = await Promise.all([1, 2, 3].map((seq) => stream.transcode(segment(seq))));
  assert.ok(outcomes.every(({ ok }) => ok));
  const { expectedValue, fees } = payments.totals();
  assert.deepEqual(fake.till.balance('session-1'), subtract(expectedValue, fees));
});

test('a payment that one orchestrator refuses is made to another', async () => {
  const refusing = paidBy(createFakeTill());
  const other = paidBy(createFakeTill({ recipient: 0xbb }));
  refusing.till.refuse = 'invalid recipientRand for ticket recipientRandHash';
  const { stream } = open({ 'https://refusing:1': refusing, 'https://other:2': other });
  const outcome = await stream.transcode(segment(0));
  assert.ok(outcome.ok && outcome.attempts === 2);
  assert.equal(other.till.payments.length, 1);
});

test('a lone orchestrator that forgot its parameters is paid anew in a new session', async () => {
  const fake = paidBy(createFakeTill());
  const { stream } = open({ 'https://one:1': fake });
  assert.ok((await stream.transcode(segment(0))).ok);
  fake.till.refuse = 'invalid recipientRand for ticket recipientRandHash';
  const outcome = await stream.transcode(segment(1));
  assert.ok(outcome.ok && outcome.attempts === 2);
  // Nothing is paid yet where the session is new.
  const [first, , third] = fake.till.payments;
  assert.equal(third?.tickets.length, first?.tickets.length);
});

test('a price that changes is paid as it is now; one that more than doubled is not', async () => {
  const fake = paidBy(createFakeTill());
  const other = paidBy(createFakeTill({ recipient: 0xbb }));
  const { stream } = open({ 'https://one:1': fake, 'https://other:2': other });
  await stream.transcode(segment(0));
  fake.till.price = 2_000n;
  await stream.transcode(segment(1)); // its reply says the new price
  await stream.transcode(segment(2));
  assert.equal(fake.till.payments.at(-1)?.expectedPrice?.pricePerUnit, 2_000n);

  fake.till.price = 2_001n;
  await stream.transcode(segment(3));
  const before = fake.till.payments.length;
  const outcome = await stream.transcode(segment(4));
  assert.ok(outcome.ok && outcome.attempts === 2);
  assert.equal(fake.till.payments.length, before);
  assert.equal(other.till.payments.length, 1);
});

test('an orchestrator above the maximum price is not used', async () => {
  const dear = paidBy(createFakeTill({ price: 1_001n }));
  const { stream } = open({ 'https://dear:1': dear }, { maxPrice: rational(1_000n) });
  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.reason === 'no_sessions');
  assert.equal(dear.till.payments.length, 0);
});

test('tickets worth more than the limit are never sent', async () => {
  const risky = paidBy(createFakeTill({ ev: 4n * 10n ** 12n }));
  const { stream, payments } = open({ 'https://risky:1': risky });
  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.reason === 'attempts_used_up');
  assert.match(outcome.text, /^ticket EV 4000000000000\.00000 > max ticket EV 3000000000000$/);
  assert.equal(payments.totals().tickets, 0);
});

test('parameters that run out are asked for anew before the segment is sent', async () => {
  const fake = paidBy(createFakeTill());
  const { stream, view } = open({ 'https://one:1': fake });
  assert.ok((await stream.transcode(segment(0))).ok);
  view.lastL1Block = 139n; // one block before their end
  fake.till.lifeBlocks = 80n;
  const outcome = await stream.transcode(segment(1));
  assert.ok(outcome.ok && outcome.attempts === 1);
  assert.deepEqual(fake.calls, ['info', 'segment 0 session-1', 'info', 'segment 1 session-2']);
});

test('an account without money stops at once and says so', async () => {
  const fake = paidBy(createFakeTill());
  const { stream } = open({ 'https://one:1': fake }, { view: { deposit: wei(0n) } });
  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.reason === 'no_funds' && outcome.attempts === 1);
  assert.equal(outcome.text, 'no sender deposit');
});

test('a free orchestrator gets payments without tickets, from an account without money, too', async () => {
  const free = paidBy(createFakeTill({ price: 0n, ev: 0n }));
  const { stream } = open({ 'https://free:1': free }, { view: { deposit: wei(0n) } });
  assert.ok((await stream.transcode(segment(0))).ok);
  assert.equal(free.till.payments[0]?.tickets.length, 0);
});

test('a result that a stranger signed is not taken, whatever the reply says of its signer', async () => {
  const fake = paidBy(createFakeTill());
  const { stream } = open({ 'https://one:1': fake });
  assert.ok((await stream.transcode(segment(0))).ok);
  fake.signer = keySigner(Buffer.alloc(32, 5)); // from now on, in its info as well
  const outcome = await stream.transcode(segment(1));
  // The session with the old signer fails; a new one, with the new signer, is a session like any other.
  assert.ok(outcome.ok && outcome.attempts === 2);
  fake.signer = { ...keySigner(Buffer.alloc(32, 6)), address: fake.signer.address };
  const forged = await stream.transcode(segment(2));
  assert.ok(!forged.ok && forged.text === 'PM Check Failed');
});

test('an orchestrator without an address of its own signs with the one that is paid', async () => {
  const nameless = { ...orchestratorSigner, address: new Uint8Array(20) };
  const fake = paidBy(createFakeTill());
  fake.signer = nameless;
  const { stream } = open({ 'https://one:1': fake });
  const outcome = await stream.transcode(segment(0));
  assert.ok(!outcome.ok && outcome.text === 'PM Check Failed');
});

test('after a funding the gateway waits for those that have not seen it, and only for them', async () => {
  const clock = new FakeClock();
  const late: FakeOrchestrator = { calls: [], capped: 'insufficient sender reserve' };
  const other: FakeOrchestrator = { calls: [], capped: 'OrchestratorCapped' };
  const transport = fakeTransport({ 'https://late:1': late, 'https://other:2': other }, clock);
  const services = ['https://late:1', 'https://other:2', 'https://dead:3'];
  let seen = false;
  const waiting = untilMoneyIsSeen({ transport, signer, clock }, services).then(() => {
    seen = true;
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (let asked = 1; asked <= 3; asked++) {
    await turn();
    assert.equal(seen, false);
    assert.equal(late.calls.length, asked);
    if (asked === 3) late.capped = undefined;
    clock.advance(500);
  }
  await waiting;
  assert.deepEqual(late.calls.slice(-2), ['info', 'end session-1']);
  assert.deepEqual(other.calls, ['info']);
});

test('what never reached an orchestrator is not counted as sent', async () => {
  const fake = paidBy(createFakeTill());
  const { stream, payments } = open({ 'https://one:1': fake });
  assert.ok((await stream.transcode(segment(0))).ok);
  const before = payments.totals();
  fake.dead = true;
  assert.ok(!(await stream.transcode(segment(1))).ok);
  assert.deepEqual(payments.totals(), before);
});
