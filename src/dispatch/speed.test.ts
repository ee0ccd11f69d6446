import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addSample, createSpeed } from './speed.ts';

test('the 95th percentile is that of the last 32 results, whatever was forgotten', () => {
  const ratio = fc.oneof(fc.nat({ max: 4 }), fc.double({ min: 0, max: 2, noNaN: true }));
  fc.assert(
    fc.property(fc.array(ratio, { minLength: 1, maxLength: 120 }), (ratios) => {
      const speed = createSpeed();
      ratios.forEach((each, index) => {
        addSample(speed, each, 0);
        const recent = ratios.slice(Math.max(0, index - 31), index + 1).toSorted((a, b) => b - a);
        assert.equal(speed.p95, recent[recent.length < 20 ? 0 : 1]);
      });
    }),
  );
});
