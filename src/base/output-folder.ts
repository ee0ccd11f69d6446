import { access, constants, mkdir } from 'node:fs/promises';
import { messageOf, TributaryError } from './errors.ts';

/** Makes a folder where a command may write. Throws `output_unwritable`. */
export async function makeOutputFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (cause) {
    throw new TributaryError('output_unwritable', `Nothing can be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}
