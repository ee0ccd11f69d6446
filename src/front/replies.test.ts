import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, h1, startListener } from '../http/test-listener.ts';
import { acknowledgements, plain, refusals } from './replies.ts';

test('a refusal is one line of text, the same over both protocols', async (t) => {
  const { port, h2 } = await startListener(t, (exchange) => plain(exchange, 403, 'Forbidden'));
  for (const answer of [await h1(port, { path: '/' }), await answerOf(h2().request())]) {
    assert.equal(answer.status, 403);
    assert.equal(answer.body.toString(), 'Forbidden\n');
    assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
    assert.equal(answer.headers['content-length'], '10');
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  }
});

test('a text with other letters than ASCII has its length in bytes', async (t) => {
  const { port } = await startListener(t, (exchange) => plain(exchange, 400, 'Zoë ✓'));
  const answer = await h1(port, { path: '/' });
  assert.equal(answer.body.toString(), 'Zoë ✓\n');
});

test('every refusal of an answer has a status that says whose fault it is', () => {
  for (const { status, text } of Object.values(refusals)) {
    assert.ok(status >= 400 && status < 500);
    assert.match(text, /^[ -~]{1,100}$/);
  }
  const good = Object.entries(acknowledgements).filter(([, { status }]) => status === 200);
  assert.deepEqual(
    good.map(([outcome]) => outcome),
    ['stored', 'duplicate', 'rejected', 'not_needed'],
  );
  assert.equal(acknowledgements.not_stored.status, 503);
});
