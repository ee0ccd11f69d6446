import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  quantile,
  showBytes,
  showCount,
  showFactor,
  showMs,
  showPixels,
  showSpan,
} from './figures.ts';
import { createLiveView } from './live-view.ts';
import { clip, createPaint, harmless, type Io, table, textWidth, wrap } from './terminal.ts';

function capture(options: { isTty: boolean }): { io: Io; text: () => string } {
  let text = '';
  const stdout = {
    write: (more: string) => {
      text += more;
    },
  };
  return {
    io: { stdout, stderr: stdout, env: {}, isTty: options.isTty, columns: 80 },
    text: () => text,
  };
}

test('figures read as look.md says', () => {
  assert.equal(showPixels(1_240_000_000n), '1.24 Gpx');
  assert.equal(showPixels(999n), '999 px');
  assert.equal(showPixels(55_296_000n), '55.2 Mpx');
  assert.equal(showBytes(1_700_000), '1.62 MiB');
  assert.equal(showCount(81_420), '81,420');
  assert.equal(showCount(12_345_678_901_234_567_890n), '12,345,678,901,234,567,890');
  assert.equal(showMs(0.44), '0.4 ms');
  assert.equal(showMs(41.4), '41 ms');
  assert.equal(showMs(1240), '1.24 s');
  assert.equal(showSpan(8_040_000), '2 h 14 min');
  assert.equal(showSpan(185_000), '3 min 5 s');
  assert.equal(showFactor(2.13), '2.1×');
});

test('a quantile is a value that occurred', () => {
  assert.equal(quantile([5, 1, 3], 0.5), 3);
  assert.equal(quantile([5, 1, 3], 0.99), 5);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('a table aligns figures to the right and fits its width', () => {
  const lines = table(
    [{ title: 'worker' }, { title: 'pixels', align: 'right' }],
    [
      ['kiln-2', '1.24 Gpx'],
      ['a-worker-with-quite-a-long-name', '3 px'],
    ],
    { width: 30 },
  );
  assert.deepEqual(lines, [
    'worker                  pixels',
    'kiln-2                1.24 Gpx',
    'a-worker-with-quite…      3 px',
  ]);
});

test('colour stays away from pipes, from NO_COLOR and from dumb terminals', () => {
  assert.equal(createPaint({ isTty: true, env: {} })('paid', 'ok'), '\u001b[32mok\u001b[0m');
  assert.equal(createPaint({ isTty: false, env: {} })('paid', 'ok'), 'ok');
  assert.equal(createPaint({ isTty: true, env: { NO_COLOR: '1' } })('paid', 'ok'), 'ok');
  assert.equal(createPaint({ isTty: true, env: { TERM: 'dumb' } })('paid', 'ok'), 'ok');
});

test('colours take no columns, and text from elsewhere cannot steer the terminal', () => {
  assert.equal(textWidth('\u001b[32mok\u001b[0m'), 2);
  assert.equal(clip('\u001b[32mlonger\u001b[0m', 4), 'lon…');
  assert.equal(harmless('a\u001b[2Jb\r\nc\u0007'), 'ab  c ');
});

test('wrapped lines keep their lead and get their indent', () => {
  assert.deepEqual(wrap('  ab cd ef gh', 8, '   '), ['  ab cd', '   ef gh']);
  assert.deepEqual(wrap('', 8), ['']);
});

test('a live view redraws in place on a terminal and prints plain lines elsewhere', () => {
  const terminal = capture({ isTty: true });
  const view = createLiveView(terminal.io);
  view.show(['one', 'two']);
  view.show(['three', 'four']);
  view.close();
  assert.ok(terminal.text().includes('one\ntwo\n\r\u001b[2A\u001b[0Jthree\nfour\n'));
  assert.ok(terminal.text().endsWith('\u001b[?25h'));

  const pipe = capture({ isTty: false });
  const plain = createLiveView(pipe.io);
  plain.show(['one', 'two']);
  plain.show(['one', 'three']);
  plain.keep('stays');
  plain.show(['1', '2'], 'said otherwise');
  plain.close();
  assert.equal(pipe.text(), 'one\nstays\nsaid otherwise\n');
});
