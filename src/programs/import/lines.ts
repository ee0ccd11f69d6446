import { createReadStream } from 'node:fs';
import { messageOf, TributaryError } from '../../base/errors.ts';

/** Longer is no line of a table. */
const LINE_CHARACTERS_MAX = 64 * 1024;

/** A line with its number in the file, from 1. */
export interface NumberedLine {
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a file of any length, one after the other, without their ends. Throws `input_missing`
 * when it cannot be read, `import_wrong` for a line without an end or text that is not UTF-8.
 */
export async function* linesOf(path: string): AsyncGenerator<NumberedLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let number = 0;
  for await (const chunk of chunksOf(path)) {
    rest += decode(decoder, chunk, number + 1);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      number += 1;
      yield { number, text: checked(line, number) };
    }
    checked(rest, number + 1);
  }
  rest += decode(decoder, undefined, number + 1);
  if (rest !== '') yield { number: number + 1, text: checked(rest, number + 1) };
}

async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    const message = `${path} cannot be read (${messageOf(cause)}).`;
    throw new TributaryError('input_missing', message, { cause });
  }
}

function decode(
  decoder: InstanceType<typeof TextDecoder>,
  chunk: Uint8Array | undefined,
  line: number,
): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch (cause) {
    const message = `Near line ${line} the file is not text in UTF-8.`;
    throw new TributaryError('import_wrong', message, { cause });
  }
}

function checked(line: string, number: number): string {
  if (line.length > LINE_CHARACTERS_MAX) {
    throw new TributaryError('import_wrong', `Line ${number} is too long for a line of a table.`);
  }
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
