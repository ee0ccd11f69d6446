import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusEnd } from './link.ts';

test('only the two fatal texts stop a worker, whatever their code', () => {
  for (const code of [0, 1, 2, 14]) {
    assert.equal(statusEnd({ code, text: 'invalid secret' }).fatal?.code, 'credential_invalid');
    assert.equal(statusEnd({ code, text: 'zero capacity' }).fatal?.code, 'capacity_refused');
    for (const text of ['', 'Invalid secret', 'invalid secret ', 'OrchestratorCapped']) {
      assert.equal(statusEnd({ code, text }).fatal, undefined);
    }
  }
});
