import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Finding, type PayEvidence, paidText, payChecks } from './pay.ts';

const found = (receipts: number, owed: bigint, paid: bigint = owed): Finding => ({
  ok: true,
  receipts,
  owed: { ETH: owed, LPT: 10n ** 18n },
  paid: { ETH: paid, LPT: 10n ** 18n },
});
const credited = [
  { name: 'heron', segments: 4 },
  { name: 'otter', segments: 6 },
];
const good: PayEvidence = {
  epoch: 2n,
  payouts: [
    { state: 'final', asset: 'ETH', amount: 3n * 10n ** 17n },
    { state: 'final', asset: 'LPT', amount: 2n * 10n ** 18n },
  ],
  verdicts: [
    { worker: 'heron', found: found(4, 10n ** 17n) },
    { worker: 'otter', found: found(6, 2n * 10n ** 17n) },
  ],
};

test('pay is verified when each worker found it right, with a receipt for each segment', () => {
  assert.deepEqual(payChecks(good, credited), [
    { name: 'Pay verified', ok: true, figure: 'epoch 2 recomputed by heron and otter: OK' },
    { name: 'Workers paid', ok: true, figure: '2 payouts final, 0.3 ETH and 2 LPT' },
  ]);
});

test('a payout that is on its way, too little, or in one asset only is not paid', () => {
  const [verified, short] = payChecks(
    { ...good, verdicts: [{ worker: 'heron', found: found(4, 2n, 1n) }] },
    credited,
  );
  assert.equal(verified?.ok, true);
  assert.deepEqual([short?.ok, short?.name], [false, 'Workers paid']);
  const [eth, lpt] = good.payouts as [PayEvidence['payouts'][0], PayEvidence['payouts'][0]];
  const paid = (payouts: PayEvidence['payouts']) => payChecks({ ...good, payouts }, credited)[1];
  assert.equal(paid([eth, { ...lpt, state: 'sent' }])?.figure, 'a payout in LPT is sent');
  assert.equal(paid([eth])?.ok, false);
});

test('what a worker found, a receipt too few and an epoch without pay all fail it', () => {
  const [heron, otter] = good.verdicts as [PayEvidence['verdicts'][0], PayEvidence['verdicts'][0]];
  const checked = (verdicts: PayEvidence['verdicts']) =>
    payChecks({ ...good, verdicts }, credited)[0];
  const wrong = { worker: 'otter', found: { ok: false, text: 'a leaf differs' } } as const;
  assert.deepEqual(checked([heron, wrong]), {
    name: 'Pay verified',
    ok: false,
    figure: 'otter: a leaf differs',
  });
  assert.match(
    checked([heron, { ...otter, found: found(5, 1n) }])?.figure ?? '',
    /5 receipts for 6/,
  );
  const unpaid = good.verdicts.map((one, at) => ({ ...one, found: found(at === 0 ? 4 : 6, 0n) }));
  assert.equal(checked(unpaid)?.ok, false);
  assert.equal(checked([])?.ok, false);
});

test('what was paid is told in the units of each asset', () => {
  const told = (paid: Record<string, bigint>) =>
    paidText({ ok: true, receipts: 1, owed: {}, paid });
  assert.equal(told({ ETH: 10n ** 17n, LPT: 0n }), '0.1 ETH');
  assert.equal(told({ LPT: 10n ** 18n, POINTS: 7n }), '1 LPT and 7 POINTS');
  assert.equal(told({}), 'nothing');
  assert.equal(paidText(undefined), 'not verified');
});
