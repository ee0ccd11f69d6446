import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeTestVideoFile, type TestVideoWork } from './test-video-make.ts';
import { serveThread } from './thread-serve.ts';

/** Makes a small test video and answers its bytes. */
serveThread<Omit<TestVideoWork, 'path'>, Uint8Array<ArrayBuffer>>(
  (work) => {
    const folder = mkdtempSync(join(tmpdir(), 'tributary-sample-'));
    try {
      const path = join(folder, 'sample');
      makeTestVideoFile({ ...work, path });
      return new Uint8Array(readFileSync(path));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  (bytes) => [bytes.buffer],
);
