import { access, constants } from 'node:fs/promises';
import { messageOf, TributaryError } from './errors.ts';
import { makeFolder } from './folder.ts';

/** Makes a folder where a command may write. Throws `output_unwritable`. */
export async function makeOutputFolder(path: string): Promise<void> {
  try {
    await makeFolder(path);
    await access(path, constants.W_OK);
  } catch (cause) {
    throw new TributaryError('output_unwritable', `Nothing can be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}
