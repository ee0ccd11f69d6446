import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Finding, owedText, type PayEvidence, payCheck } from './pay.ts';

const found = (receipts: number, owed: bigint): Finding => ({
  ok: true,
  receipts,
  owed: { ETH: owed, LPT: 0n },
});
const credited = [
  { name: 'heron', segments: 4 },
  { name: 'otter', segments: 6 },
];
const good: PayEvidence = {
  epoch: 1n,
  verdicts: [
    { worker: 'heron', found: found(4, 10n ** 17n) },
    { worker: 'otter', found: found(6, 2n * 10n ** 17n) },
  ],
};

test('pay is verified when each worker found it right, with a receipt for each segment', () => {
  assert.deepEqual(payCheck(good, credited), {
    name: 'Pay verified',
    ok: true,
    figure: 'epoch 1 recomputed by heron and otter: OK',
  });
});

test('what a worker found, a receipt too few and an epoch without pay all fail it', () => {
  const [heron, otter] = good.verdicts as [PayEvidence['verdicts'][0], PayEvidence['verdicts'][0]];
  const checked = (verdicts: PayEvidence['verdicts']) => payCheck({ ...good, verdicts }, credited);
  const wrong = { worker: 'otter', found: { ok: false, text: 'a leaf differs' } } as const;
  assert.deepEqual(checked([heron, wrong]), {
    name: 'Pay verified',
    ok: false,
    figure: 'otter: a leaf differs',
  });
  assert.match(checked([heron, { ...otter, found: found(5, 1n) }]).figure, /5 receipts for 6/);
  const unpaid = good.verdicts.map((one, at) => ({ ...one, found: found(at === 0 ? 4 : 6, 0n) }));
  assert.equal(checked(unpaid).ok, false);
  assert.equal(checked([]).ok, false);
});

test('what is owed is told in the units of each asset', () => {
  assert.equal(owedText(found(1, 10n ** 17n)), '0.1 ETH');
  assert.equal(
    owedText({ ok: true, receipts: 1, owed: { LPT: 10n ** 18n, POINTS: 7n } }),
    '1 LPT and 7 POINTS',
  );
  assert.equal(owedText(found(1, 0n)), 'nothing');
  assert.equal(owedText(undefined), 'not verified');
});
