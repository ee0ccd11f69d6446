import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TributaryError } from '../base/errors.ts';
import type { TestVideoWork } from './test-video-make.ts';
import { createThreadPool } from './thread-pool.ts';

export interface TestVideoOptions {
  readonly seconds: number;
  /** Default 1280. */
  readonly width?: number;
  /** Default 720. */
  readonly height?: number;
  /** Frames per second, whole. Default 30. */
  readonly fps?: number;
  /** Default true: a 440 Hz tone as AAC. */
  readonly audio?: boolean;
  /** Where to write; default a new file in the system's temporary folder. */
  readonly path?: string;
}

/**
 * Makes a moving test picture with a tone, H.264 and AAC in MPEG-TS, a key frame every 2 s, in a
 * thread of its own.
 * @returns the path of the file, which is the caller's to remove
 * @throws TributaryError `media_failed`
 */
export async function makeTestVideo(options: TestVideoOptions): Promise<string> {
  const { seconds, width = 1280, height = 720, fps = 30, audio = true } = options;
  const path =
    options.path ?? join(tmpdir(), `tributary-test-video-${randomBytes(8).toString('hex')}.ts`);
  const pool = createThreadPool<TestVideoWork, void>({
    module: new URL('./test-video-thread.ts', import.meta.url),
    threads: 1,
  });
  try {
    const outcome = await pool.run({ path, seconds, width, height, fps, audio });
    if (outcome.ok) return path;
    throw new TributaryError('media_failed', `could not make a test video: ${outcome.text}`);
  } finally {
    await pool.close();
  }
}
