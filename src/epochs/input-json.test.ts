import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ETH, LPT } from '../base/asset.ts';
import { canonicalJson } from '../proofs/canonical.ts';
import { NotReadable } from '../proofs/read-json.ts';
import type { EpochInput } from '../terms/settle-types.ts';
import { readInput, writeInput } from './input-json.ts';

const input: EpochInput = {
  epoch: 7n,
  opensAt: 1_700_000_000_000,
  closesAt: 1_700_000_600_000,
  termsVersion: 2,
  income: { [ETH]: 2n ** 100n, [LPT]: 0n },
  incomeLines: [
    { kind: 'tickets_credited', asset: ETH, amount: 2n ** 100n + 5n, transactions: [] },
    { kind: 'gas', asset: ETH, amount: -5n, transactions: [`0x${'ab'.repeat(32)}`] },
  ],
  carried: {},
  reserve: { [ETH]: -3n },
  workers: [
    {
      worker: 'abcdefghij',
      group: 'default',
      jobs: 3n,
      units: 2n ** 70n,
      sourceMs: 6_000n,
      deviceMs: 2_100n,
      grossFee: { [ETH]: 12n },
      failedAttempts: 1n,
      failedChecks: 0n,
      onlineMs: 0n,
      promisedMs: 0n,
      facts: { memberSinceEpoch: 2n },
      evidence: [{ id: 'epoch-7/abcdefghij/failed_attempts', kind: 'failed_attempts', value: '1' }],
      cumulative: { [ETH]: 99n },
      lastSequence: 44n,
      lastReceiptHash: 'cd'.repeat(32),
      releases: [{ epoch: 5n, asset: ETH, amount: 4n }],
    },
  ],
};

test('an input comes back from its text as it was', () => {
  assert.deepEqual(readInput(writeInput(input)), input);
});

test('what is not an input says where', () => {
  const json = JSON.parse(writeInput(input));
  const cases: readonly (readonly [RegExp, (value: typeof json) => void])[] = [
    [/^epoch must be/, (value) => Object.assign(value, { epoch: 7 })],
    [/^epoch must be/, (value) => Object.assign(value, { epoch: '-7' })],
    [/^epoch must be/, (value) => Object.assign(value, { epoch: '07' })],
    [/^workers\[0\]\.units must be/, (value) => delete value.workers[0].units],
    [/^workers\[0\]\.bonus must be left out/, (value) => (value.workers[0].bonus = '1')],
    [/^a name in income must be the symbol/, (value) => (value.income.eth = '1')],
    [/^incomeLines\[1\]\.kind/, (value) => (value.incomeLines[1].kind = 'theft')],
    [/^opensAt/, (value) => (value.opensAt = '1')],
    [/^workers must be a list/, (value) => (value.workers = {})],
  ];
  for (const [message, spoil] of cases) {
    const spoiled = structuredClone(json);
    spoil(spoiled);
    assert.throws(
      () => readInput(canonicalJson(spoiled)),
      (error) => error instanceof NotReadable && message.test(error.message),
      String(message),
    );
  }
  assert.throws(() => readInput(`${writeInput(input)} `), /canonical/);
});
