import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { PriceInfoSchema } from '../protocol/gen/lp_rpc_pb.ts';
import { profilesFromNames } from '../protocol/profile-presets.ts';
import { rational } from './rational.ts';
import { checkPrice, estimateFee } from './send-price.ts';

const info = (pricePerUnit: bigint, pixelsPerUnit = 1n) =>
  create(PriceInfoSchema, { pricePerUnit, pixelsPerUnit });
const any = { initial: undefined, max: undefined };

test('a price is refused when it is none, above the maximum, or more than twice the first', () => {
  const max = rational(15n, 10n);
  const rows = [
    [checkPrice(info(3n, 2n), { initial: undefined, max }), 'ok'],
    [checkPrice(info(31n, 20n), { initial: undefined, max }), 'price_too_high'],
    [checkPrice(undefined, any), 'price_missing'],
    [checkPrice(info(1n, 0n), any), 'price_malformed'],
    [checkPrice(info(-1n), any), 'price_malformed'],
    [checkPrice(info(2_000n), { initial: rational(1_000n), max: undefined }), 'ok'],
    [checkPrice(info(2_001n), { initial: rational(1_000n), max: undefined }), 'price_doubled'],
    [checkPrice(info(0n), any), 'ok'],
  ] as const;
  for (const [outcome, expected] of rows) {
    assert.equal(outcome.ok ? 'ok' : outcome.reason, expected);
  }
  const doubled = checkPrice(info(9n, 4n), { initial: rational(1n), max: undefined });
  assert.ok(!doubled.ok);
  assert.equal(
    doubled.text,
    'Orchestrator price has more than doubled, Orchestrator price: 9/4, Orchestrator initial price: 1',
  );
});

test('a fee is estimated from the ladder, rounded up to whole frames and seconds, and 2 % more', () => {
  const profiles = profilesFromNames('P240p30fps16x9');
  const pixels = 426n * 240n * 30n;
  const price = rational(7n, 3n);
  assert.deepEqual(estimateFee(profiles, 2_000, price), rational(pixels * 2n * 51n * 7n, 50n * 3n));
  assert.deepEqual(estimateFee(profiles, 2_001, rational(1n)), rational(pixels * 3n * 51n, 50n));
  const kept = profiles.map((profile) => ({ ...profile, fps: 0, fpsDen: 0 }));
  assert.deepEqual(estimateFee(kept, 1_000, rational(1n)), rational(pixels * 2n * 51n, 50n));
  const ntsc = profiles.map((profile) => ({ ...profile, fps: 30_000, fpsDen: 1_001 }));
  assert.deepEqual(estimateFee(ntsc, 1_000, rational(1n)), rational(pixels * 51n, 50n));
});
