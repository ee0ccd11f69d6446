import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanErrorText, inputTexts, isNonRetryable, resultTexts } from './texts.ts';

test('texts about bad input are matched exactly and pass a cleaning unchanged', () => {
  assert.equal(Object.keys(inputTexts).length, 19);
  for (const text of Object.values(inputTexts)) {
    assert.ok(isNonRetryable(text));
    assert.equal(cleanErrorText(text), text);
  }
  assert.ok(!isNonRetryable('No keyframes in input '));
  assert.ok(!isNonRetryable(resultTexts.busy));
  assert.ok(!isNonRetryable(''));
});

test('a worker’s text is one bounded line', () => {
  assert.equal(cleanErrorText('a\r\nHTTP/1.1 200 OK\0\u001b[31m'), 'a HTTP/1.1 200 OK [31m');
  assert.equal(cleanErrorText('x'.repeat(10_000)).length, 512);
  assert.ok(cleanErrorText(`${'x'.repeat(511)}😀`).isWellFormed());
});
