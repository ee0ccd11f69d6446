import { makeTestVideoFile, type TestVideoWork } from './test-video-make.ts';
import { serveThread } from './thread-serve.ts';

serveThread<TestVideoWork, void>(makeTestVideoFile);
