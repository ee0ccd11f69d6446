import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AssetId, assetId, ETH } from '../base/asset.ts';
import type { Instant } from '../base/clock.ts';
import type { WorkerId } from '../base/ids.ts';
import { defaultTerms, type Terms } from '../terms/terms.ts';
import {
  type Dispute,
  type DisputeId,
  dueBy,
  endPosting,
  judge,
  type Sum,
  setAsidePosting,
} from './dispute.ts';
import { checked } from './postings.ts';

const DAY_MS = 86_400_000;
const POINTS = assetId('POINTS');
const eth = (amount: bigint): Sum => ({ asset: ETH, amount });
const at = (ms: number) => ms as Instant;
const opened: Dispute = {
  id: 'aaaaaaaaaaaaaaaa' as DisputeId,
  worker: 'abcdefghij' as WorkerId,
  subject: { kind: 'line', epoch: 3n, line: 2 },
  about: 'penalty',
  taken: eth(45n),
  claimed: eth(45n),
  setAside: eth(45n),
  termsVersion: 1,
  openedAt: at(0),
  state: 'open',
  deadline: at(7 * DAY_MS),
  isOverdue: false,
  outcome: undefined,
  award: undefined,
};
const termsWith = (changes: Partial<Terms['disputes']>): Terms => ({
  ...defaultTerms,
  disputes: { ...defaultTerms.disputes, ...changes },
});

test('only what a penalty took lapses to the worker, and only where the terms say so', () => {
  const late = at(7 * DAY_MS + 1);
  const open = termsWith({ late: 'open' });
  assert.equal(dueBy(opened, defaultTerms, at(7 * DAY_MS)), undefined);
  assert.deepEqual(dueBy(opened, defaultTerms, late), { event: 'lapsed', award: eth(45n) });
  assert.deepEqual(dueBy({ ...opened, claimed: eth(20n) }, defaultTerms, late), {
    event: 'lapsed',
    award: eth(20n),
  });
  assert.deepEqual(dueBy(opened, open, late), { event: 'overdue' });
  assert.equal(dueBy({ ...opened, isOverdue: true }, open, late), undefined);
  const claim = { ...opened, about: 'work' as const, taken: undefined, claimed: eth(10n ** 24n) };
  assert.deepEqual(dueBy(claim, defaultTerms, late), { event: 'overdue' });
  assert.equal(dueBy({ ...opened, deadline: undefined }, defaultTerms, late), undefined);
});

test('upheld is all of it, partly less, refused nothing', () => {
  assert.deepEqual(judge(opened, 'upheld', undefined), { ok: true, award: eth(45n) });
  assert.deepEqual(judge(opened, 'partly', eth(44n)), { ok: true, award: eth(44n) });
  assert.deepEqual(judge(opened, 'refused', undefined), { ok: true, award: undefined });
  const reasons = [
    judge(opened, 'partly', undefined),
    judge(opened, 'partly', eth(45n)),
    judge(opened, 'upheld', eth(44n)),
    judge(opened, 'upheld', eth(46n)),
    judge(opened, 'upheld', { asset: POINTS, amount: 45n }),
    judge(opened, 'refused', eth(1n)),
    judge({ claimed: undefined }, 'upheld', undefined),
  ].map((judged) => (judged.ok ? 'ok' : judged.reason));
  assert.deepEqual(reasons, [
    'amount_missing',
    'not_partly',
    'not_partly',
    'more_than_claimed',
    'more_than_claimed',
    'amount_for_nothing',
    'amount_missing',
  ]);
});

test('whatever is set aside and awarded, the worker gets the award and nothing is left aside', () => {
  const assets: readonly AssetId[] = [ETH, POINTS];
  const sum = fc.record({
    asset: fc.constantFrom(...assets),
    amount: fc.bigInt({ min: 1n, max: 2n ** 96n }),
  });
  const maybe = fc.option(sum, { nil: undefined });
  const about = fc.constantFrom('penalty' as const, 'refund' as const, 'receipt' as const);
  const goTo = fc.constantFrom('pool' as const, 'workers' as const);
  fc.assert(
    fc.property(maybe, maybe, about, goTo, (setAside, award, kind, to) => {
      const terms: Terms = {
        ...defaultTerms,
        assets: { ...defaultTerms.assets, [POINTS]: { kind: 'points', decimals: 0 } },
        penalties: { rules: [], goTo: to },
      };
      const one = { ...opened, about: kind, setAside };
      const end = endPosting(one, award, { at: at(1), terms });
      const entries = [
        ...(setAside ? checked(setAsidePosting(one, setAside, terms)).entries : []),
        ...(end ? checked(end).entries : []),
      ];
      const held = (account: string, asset: AssetId) =>
        entries.reduce(
          (all, entry) =>
            entry.account === account && entry.asset === asset ? all + entry.amount : all,
          0n,
        );
      for (const asset of assets) {
        assert.equal(held(`disputed:${one.id}`, asset), 0n);
        const wanted = award?.asset === asset ? award.amount : 0n;
        assert.equal(held(`award:${one.worker}`, asset), -wanted);
      }
    }),
  );
});
