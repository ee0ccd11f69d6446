import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Call, decodeCalls, encodeCalls } from './watch-calls.ts';

const call: Call = { to: `0x${'11'.repeat(20)}`, data: '0x12345678', bytesMax: 32 };
const word = (value: number) => value.toString(16).padStart(64, '0');

test('each answer is told apart from a call that failed', () => {
  const calls = [call, { ...call, bytesMax: 64 }, call];
  const answer = `0x${word(33)}${word(7)}${word(0)}${word(0)}${word(0)}${word(1)}${word(0)}`;
  assert.deepEqual(decodeCalls(calls, answer), [`0x${word(7)}`, undefined, '0x']);
});

test('an answer of another length, or one that claims more than it has, is none', () => {
  assert.equal(decodeCalls([call], '0x'), undefined);
  assert.equal(decodeCalls([call], `0x${word(33)}`), undefined);
  assert.equal(decodeCalls([call], 'zz'), undefined);
  assert.deepEqual(decodeCalls([call], `0x${word(34)}${word(7)}`), [undefined]);
});

test('more reads than a node takes at once are refused before they are sent', () => {
  assert.throws(() => encodeCalls(Array(400).fill(call)), RangeError);
  assert.ok(encodeCalls(Array(300).fill(call)).length > 0);
});
