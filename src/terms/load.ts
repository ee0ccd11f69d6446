import { readFile } from 'node:fs/promises';
import { messageOf, TributaryError } from '../base/errors.ts';
import { faultText, readTermsFile } from './file.ts';
import { readTerms } from './read.ts';
import type { Terms } from './terms.ts';

/**
 * The terms in a file, as version 1, to try them. Throws `input_missing`, or `terms_invalid` with
 * everything that is wrong.
 */
export async function loadTerms(path: string): Promise<Terms> {
  const source = await readFile(path, 'utf8').catch((cause: unknown) => {
    const message = `${path} cannot be read (${messageOf(cause)}).`;
    throw new TributaryError('input_missing', message, { cause });
  });
  const read = readTermsFile(source);
  if (read.ok) return readTerms({ ...read.file, version: 1, 'starts-at-epoch': 1 });
  const faults = read.faults.map((fault) => `  ${faultText(fault)}`).join('\n');
  throw new TributaryError('terms_invalid', `${path} does not add up:\n${faults}`);
}
