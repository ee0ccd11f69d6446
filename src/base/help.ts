import { type AnySetting, type Command, envOf, keyOf, type Settings } from './command.ts';
import { showValue } from './setting-types.ts';
import { originText, type Resolved, resolveSettings, showResolved } from './settings.ts';
import { createPaint, type Io, table, textWidth, VIEW_COLUMNS, wrap } from './terminal.ts';

/**
 * What every program starts with: settles its settings, or prints its help and answers undefined.
 *
 * @throws TributaryError `setting_invalid` or `setting_missing`, which cli.ts turns into exit code 2
 */
export function readSettings<S extends Settings>(
  command: Command<S>,
  args: readonly string[],
  io: Io,
): Resolved<S> | undefined {
  if (asksForHelp(args)) {
    io.stdout.write(`${helpText(command)}\n`);
    return undefined;
  }
  return resolveSettings(command, { args, env: io.env });
}

/** Whether the arguments ask for help before a `--`. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return options.some((arg) => arg === '--help' || arg === '-help' || arg === '-h');
}

/** `tributary worker join [JOIN_STRING] [options]` */
export function usageLine(command: Command): string {
  const words = ['tributary', command.name];
  for (const [name, setting] of Object.entries(command.settings)) {
    const optional = setting.required !== true;
    const shown = setting.positional
      ? setting.type.placeholder
      : `--${keyOf(name)} ${setting.type.placeholder}`;
    if (setting.positional) words.push(optional ? `[${shown}]` : shown);
    else if (!optional) words.push(shown);
  }
  if (Object.values(command.settings).some(({ positional }) => !positional))
    words.push('[options]');
  return words.join(' ');
}

/** The page that `--help` prints. */
export function helpText(command: Command): string {
  const lines = [
    ...wrap(command.summary, VIEW_COLUMNS),
    '',
    'Usage',
    ...wrap(usageLine(command), VIEW_COLUMNS - 2, '  ').map((l) => `  ${l}`),
  ];
  const settings = Object.entries(command.settings);
  lines.push('', 'Options');
  for (const [name, setting] of settings) lines.push(...optionLines(name, setting));
  if (command.examples?.length) {
    lines.push('', 'Examples', ...command.examples.flatMap(exampleLines));
  }
  if (settings.some(([, { positional }]) => positional !== 'only')) {
    lines.push('', ...wrap(ELSEWHERE, VIEW_COLUMNS));
  }
  return lines.join('\n');
}
const ELSEWHERE =
  'Every option is also an environment variable (--data-dir: TRIBUTARY_DATA_DIR) and a key of the config file (data-dir), where the command has one. A flag wins over a variable, a variable over the file.';

/** One command, in lines that a shell puts together again: an option stays with its value. */
function exampleLines(example: string): readonly string[] {
  if (textWidth(`  ${example}`) <= VIEW_COLUMNS) return [`  ${example}`];
  const [first = '', ...rest] = example.match(PARTS) ?? [];
  const lines: string[] = [];
  let line = `  ${first}`;
  for (const part of rest) {
    if (textWidth(`${line} ${part} \\`) > VIEW_COLUMNS) {
      lines.push(`${line} \\`);
      line = `    ${part}`;
    } else line = `${line} ${part}`;
  }
  return [...lines, line];
}
const PARTS = /--\S+ (?:"[^"]*"|[^\s"-]\S*)|"[^"]*"|\S+/g;

function optionLines(name: string, setting: AnySetting): string[] {
  const { placeholder } = setting.type;
  const title =
    setting.positional === 'only' ? placeholder : `--${keyOf(name)} ${placeholder}`.trimEnd();
  const sentences = [setting.doc];
  const byDefault = defaultOf(setting);
  if (byDefault) sentences.push(`Default: ${byDefault}.`);
  if (setting.required) sentences.push('Required.');
  const body = wrap(sentences.join(' '), VIEW_COLUMNS - 6).map((line) => `      ${line}`);
  return [`  ${title}`, ...body];
}

/** The default in words; empty where there is none or it is off. */
export function defaultOf(setting: AnySetting): string {
  if (setting.defaultText) return setting.defaultText;
  if (setting.default === undefined || setting.default === false) return '';
  return showValue(setting.type, setting.default);
}

/** Each value and where it came from, secrets masked: what `tributary pool settings` prints. */
export function settingsTable<S extends Settings>(
  command: Command<S>,
  resolved: Resolved<S>,
  io: Io,
): string {
  const rows = Object.entries(command.settings).map(([name, setting]) => [
    keyOf(name),
    showResolved(setting, resolved.values[name as keyof S]),
    originText(resolved.origins[name as keyof S]),
  ]);
  const columns = [{ title: 'setting' }, { title: 'value' }, { title: 'from' }];
  // Values are shown whole: this list is for finding out what is wrong.
  return table(columns, rows, { width: Number.POSITIVE_INFINITY, paint: createPaint(io) }).join(
    '\n',
  );
}

/** Every environment variable that a command reads. */
export function variablesOf(command: Command): string[] {
  return Object.entries(command.settings)
    .filter(([, { positional }]) => positional !== 'only')
    .map(([name]) => envOf(name));
}
