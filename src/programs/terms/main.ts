import { readFile, writeFile } from 'node:fs/promises';
import { messageOf, TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import type { TermsFile } from '../../terms/document.ts';
import { exampleOf } from '../../terms/example.ts';
import { faultText, type ReadFile, readTermsFile } from '../../terms/file.ts';
import { readTerms } from '../../terms/read.ts';
import { starterFile } from '../../terms/starter.ts';
import type { Terms } from '../../terms/terms.ts';
import { publish, show } from './publishing.ts';
import { checkCommand, initCommand } from './settings.ts';
import { verify } from './verifying.ts';
import { exampleView, faultsView, remarksView } from './views.ts';

/** `tributary terms …`: writes, checks, publishes, shows and verifies what a pool promises. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const [verb = '', ...rest] = args;
  switch (verb) {
    case 'init':
      return init(rest, io);
    case 'check':
      return check(rest, io);
    case 'publish':
      return publish(rest, io, readSource);
    case 'show':
      return show(rest, io);
    case 'verify':
      return verify(rest, io);
    default:
      throw new TributaryError('command_unknown', `"terms ${verb}" is not a command.`);
  }
}

async function init(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(initCommand, args, io);
  if (!settings) return exitCode.ok;
  const { output } = settings.values;
  if (output === undefined) {
    io.stdout.write(starterFile);
    return exitCode.ok;
  }
  try {
    await writeFile(output, starterFile, { flag: 'wx' });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = isThere
      ? 'is there already; it was left alone'
      : `cannot be written (${messageOf(cause)})`;
    throw new TributaryError('output_unusable', `${output} ${why}.`, { cause });
  }
  io.stdout.write(`Wrote ${output}. Next: tributary terms check ${output}\n`);
  return exitCode.ok;
}

async function check(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(checkCommand, args, io);
  if (!settings) return exitCode.ok;
  const { file, json } = settings.values;
  const checked = readTermsFile(await readSource(file));
  if (json) return checkedJson(checked, io);
  const paint = createPaint(io);
  if (!checked.ok) {
    io.stderr.write(`${faultsView(file, checked.faults, paint)}\n`);
    return exitCode.failed;
  }
  const terms = asIfPublished(checked.file);
  const remarks = remarksView(checked.remarks, paint);
  const view = exampleView(terms, exampleOf(terms), paint);
  io.stdout.write(`${[`${file} can be published.`, ...remarks, '', view].join('\n')}\n`);
  return exitCode.ok;
}

function checkedJson(checked: ReadFile, io: Io): number {
  const faults = checked.ok ? [] : checked.faults;
  const remarks = checked.ok ? checked.remarks : [];
  const asText = (list: typeof faults) =>
    list.map((each) => ({ line: each.line, path: each.path, text: faultText(each) }));
  io.stdout.write(
    `${JSON.stringify({ ok: checked.ok, faults: asText(faults), remarks: asText(remarks) })}\n`,
  );
  return checked.ok ? exitCode.ok : exitCode.failed;
}

/** The text of a file that was named. Throws `input_missing`. */
async function readSource(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TributaryError('input_missing', `${path} cannot be read (${messageOf(cause)}).`, {
      cause,
    });
  }
}

function asIfPublished(file: TermsFile): Terms {
  return readTerms({ ...file, version: 1, 'starts-at-epoch': 1 });
}
