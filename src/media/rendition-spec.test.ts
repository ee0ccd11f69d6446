import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renditionSize } from './rendition-spec.ts';

/** Width and height asked for, of the input, delivered; by a stock transcoder or its rule. */
const table = [
  [640, 360, 1280, 720, 640, 360],
  [640, 480, 640, 360, 640, 360],
  [426, 240, 1280, 720, 426, 240],
  [640, 360, 426, 242, 640, 364],
  [256, 144, 426, 242, 256, 146],
  [200, 356, 426, 240, 356, 200],
  [640, 360, 720, 1280, 360, 640],
  [427, 241, 1280, 720, 426, 240],
  [100, 30, 1280, 720, 146, 82],
  [640, 360, 4000, 100, 2000, 50],
  [640, 360, 100, 4000, 146, 5840],
  [8000, 8000, 1920, 1080, 4096, 2304],
] as const;

test('sizes follow the larger side and the aspect ratio of the input', () => {
  for (const [width, height, inputWidth, inputHeight, wantWidth, wantHeight] of table) {
    const size = renditionSize(
      { width, height, encoder: 'h264' },
      { width: inputWidth, height: inputHeight },
    );
    assert.deepEqual(size, { width: wantWidth, height: wantHeight }, `${width} of ${inputWidth}`);
  }
});

test('sizes are always even and turn with the input', () => {
  const side = fc.integer({ min: 1, max: 8192 });
  fc.assert(
    fc.property(side, side, side, side, (width, height, inputWidth, inputHeight) => {
      const spec = { width, height, encoder: 'h264' } as const;
      const size = renditionSize(spec, { width: inputWidth, height: inputHeight });
      assert.equal(size.width % 2, 0);
      assert.equal(size.height % 2, 0);
      if (inputWidth > inputHeight) assert.ok(size.width >= size.height);
    }),
  );
});
