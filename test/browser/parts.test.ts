import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decimate, nearestPoint, type Point, ticks } from '../../web/parts/decimate.ts';
import { findPage } from '../../web/paths.ts';
import { inlinesOf, plainText, readMarkdown } from '../../web/public/markdown.ts';

test('a line of any length is drawn with few points, and no peak, gap or end is lost', () => {
  const points = fc.array(fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })), {
    minLength: 1,
    maxLength: 5_000,
  });
  fc.assert(
    fc.property(points, fc.integer({ min: 1, max: 300 }), (values, columns) => {
      const all = values.map((value, at): Point => [at * 1_000, value]);
      const kept = decimate(all, columns);
      const only = (of: readonly Point[]) =>
        of.flatMap(([, value]) => (value === null ? [] : [value]));
      assert.ok(kept.length <= Math.max(columns * 5, columns * 4));
      assert.deepEqual([kept[0], kept.at(-1)], [all[0], all.at(-1)]);
      assert.equal(Math.max(...only(kept)), Math.max(...only(all)));
      assert.equal(Math.min(...only(kept)), Math.min(...only(all)));
      assert.equal(
        kept.some(([, value]) => value === null),
        all.some(([, value]) => value === null),
      );
      const order = kept.map(([at]) => at);
      assert.deepEqual(
        order,
        [...new Set(order)].sort((a, b) => a - b),
      );
    }),
  );
});

test('100,000 points become what 720 pixels can show', () => {
  const all = Array.from({ length: 100_000 }, (_, at): Point => [at, Math.sin(at / 50)]);
  assert.ok(decimate(all, 720).length <= 720 * 5);
});

test('the point nearest to the pointer is the one that is read', () => {
  const points: readonly Point[] = [
    [0, 1],
    [10, 2],
    [30, 3],
  ];
  const found = [-5, 0, 4, 6, 19, 21, 99].map((at) => nearestPoint(points, at));
  assert.deepEqual(found, [0, 0, 0, 1, 1, 2, 2]);
  assert.equal(nearestPoint([], 3), -1);
});

test('steps of an axis are round, begin at 0 and reach the top', () => {
  assert.deepEqual(ticks(60, 3), [0, 20, 40, 60]);
  assert.deepEqual(ticks(0, 3), [0, 1]);
  assert.deepEqual(ticks(1, 3, true), [0, 1], 'there is no half segment');
  assert.deepEqual(ticks(7, 3, true), [0, 5, 10]);
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 1e18, noNaN: true }), (top) => {
      const steps = ticks(top, 3);
      assert.ok(steps.length <= 5 && steps[0] === 0);
      assert.ok((steps.at(-1) as number) >= top * (1 - 1e-8));
    }),
  );
});

test('a document becomes headings, lists, tables and code, and never HTML of its own', () => {
  const [heading, text, list, table, code] = readMarkdown(
    [
      '# A *title*',
      'Some `code` and [a link](x.md#y) <script>alert(1)</script>',
      'on two lines.',
      '- one',
      '  goes on',
      '- two',
      '',
      '| a | b |',
      '|---|--:|',
      '| 1 \\| 2 | **3** |',
      '',
      '```sh',
      '<b> not & read',
      '```',
    ].join('\n'),
  );
  assert.equal(heading?.kind === 'heading' && plainText(heading.children), 'A title');
  assert.equal(heading?.kind === 'heading' && heading.id, 'a-title');
  assert.ok(text?.kind === 'paragraph');
  assert.equal(
    plainText(text.children),
    'Some code and a link <script>alert(1)</script> on two lines.',
  );
  assert.ok(list?.kind === 'list' && list.items.length === 2);
  assert.ok(table?.kind === 'table');
  assert.deepEqual(
    table.rows.map((row) => row.map(plainText)),
    [['1 | 2', '3']],
  );
  assert.deepEqual(code, { kind: 'code', text: '<b> not & read' });
});

test('a picture of a document stays where the document has it, and leaves no words behind', () => {
  const [picture, text] = readMarkdown('![What it shows](../a.png)\n\nIt ![is](b.png) there.');
  assert.deepEqual(picture, { kind: 'paragraph', children: [] });
  assert.equal(text?.kind === 'paragraph' && plainText(text.children), 'It  there.');
});

test('any text at all can be read as a document, and loses no word', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
      readMarkdown(text);
      assert.ok(plainText(inlinesOf(text)).length <= text.length);
    }),
  );
});

test('a path leads to the page that it fits, and strange ones to none', () => {
  const pages = ['/', '/epochs', '/epochs/{epoch}', '/docs/{...path}'].map((path) => ({ path }));
  const at = (path: string) => {
    const found = findPage(pages, path);
    return found && [found.page.path, found.params];
  };
  assert.deepEqual(at('/'), ['/', {}]);
  assert.deepEqual(at('/epochs/3'), ['/epochs/{epoch}', { epoch: '3' }]);
  assert.deepEqual(at('/docs/a/b'), ['/docs/{...path}', { path: 'a/b' }]);
  for (const path of ['', '/epochs/', '/epochs/3/', '/epochs/..', '/docs/', '/docs/../x', '/x']) {
    assert.equal(at(path), undefined, path);
  }
});
