import { open, rename, rm, stat } from 'node:fs/promises';
import { messageOf, TributaryError } from './errors.ts';

/** A file that can be written to, found out before anything is done that cannot be done again. */
export interface OutputFile extends AsyncDisposable {
  /** Puts the text there, whole or not at all, for its owner alone. Throws `output_unusable`. */
  fill(text: string): Promise<void>;
}

/**
 * Opens a file beside the one that is meant; disposing removes what was not filled. Throws
 * `output_unusable`.
 *
 * @param options.replaces whether a file that is there gives way
 */
export async function openOutputFile(
  path: string,
  options: { readonly replaces: boolean },
): Promise<OutputFile> {
  const unusable = (why: string, cause?: unknown) =>
    new TributaryError('output_unusable', `${path} ${why}.`, { cause });
  const failed = (cause: unknown) => unusable(`cannot be written (${messageOf(cause)})`, cause);

  const there = await stat(path).catch(() => undefined);
  if (there && !options.replaces) throw unusable('is there already; it was left alone');
  if (there && !there.isFile()) throw unusable('is no file');
  const part = `${path}.part`;
  const file = await open(part, 'w', 0o600).catch((cause: unknown) => {
    throw failed(cause);
  });
  return {
    async fill(text) {
      try {
        await file.writeFile(text);
        await file.sync();
        await rename(part, path);
      } catch (cause) {
        throw failed(cause);
      }
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(part, { force: true });
    },
  };
}
