import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TributaryError } from '../../base/errors.ts';
import { plainReason, statusEnd } from './link.ts';

test('only the two fatal texts stop a worker, whatever their code', () => {
  for (const code of [0, 1, 2, 14]) {
    assert.equal(statusEnd({ code, text: 'invalid secret' }).fatal?.code, 'credential_invalid');
    assert.equal(statusEnd({ code, text: 'zero capacity' }).fatal?.code, 'capacity_refused');
    for (const text of ['', 'Invalid secret', 'invalid secret ', 'OrchestratorCapped']) {
      assert.equal(statusEnd({ code, text }).fatal, undefined);
    }
  }
});

test('a failed connection is told in plain words', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 1.2.3.4:5'), {
    code: 'ECONNREFUSED',
  });
  const error = new TributaryError('connection_failed', `connection: ${refused.message}`, {
    cause: refused,
  });
  assert.equal(plainReason(error), 'nobody listens at that address');
  assert.equal(plainReason(new Error('connection: no answer in 5 ms')), 'no answer in 5 ms');
  const lost = { code: 14, text: 'connection: lost before the end' };
  assert.equal(statusEnd(lost).reason, 'the connection was lost before the end');
});
