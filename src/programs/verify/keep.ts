import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PublishedFiles } from '../../api/published-files.ts';
import { messageOf, TributaryError } from '../../base/errors.ts';

/**
 * The same files, each also written below `dir` as it was read: a copy that shows later what the pool
 * published today. `read` throws `output_unusable` when that cannot be.
 */
export function keepIn(files: PublishedFiles, dir: string): PublishedFiles {
  return {
    async read(path) {
      const text = await files.read(path);
      if (text !== undefined) await keep(join(dir, path), text);
      return text;
    },
  };
}

async function keep(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (cause) {
    const message = `${path} cannot be written (${messageOf(cause)}).`;
    throw new TributaryError('output_unusable', message, { cause });
  }
}
