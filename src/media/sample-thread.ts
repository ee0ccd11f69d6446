import { openScratch } from './scratch.ts';
import { makeTestVideoFile, type TestVideoWork } from './test-video-make.ts';
import { serveThread } from './thread-serve.ts';

/** Makes a small test video and answers its bytes. */
serveThread<Omit<TestVideoWork, 'path'>, Uint8Array<ArrayBuffer>>(
  (work) => {
    using scratch = openScratch();
    makeTestVideoFile({ ...work, path: scratch.path('sample') });
    return scratch.read('sample');
  },
  (bytes) => [bytes.buffer],
);
