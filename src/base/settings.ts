import { readFileSync } from 'node:fs';
import { parse as parseToml, TomlError } from 'smol-toml';
import {
  type AnySetting,
  type Command,
  envOf,
  keyOf,
  type Settings,
  type ValuesOf,
} from './command.ts';
import { type Given, readCommandLine } from './command-line.ts';
import { messageOf, TributaryError } from './errors.ts';
import { nearest } from './nearest.ts';
import { showValue } from './setting-types.ts';
import { VIEW_COLUMNS, wrap } from './terminal.ts';

/** Where a value came from. */
export type Origin =
  | { readonly from: 'flag'; readonly as: string }
  | { readonly from: 'env'; readonly as: string }
  | { readonly from: 'file'; readonly as: string; readonly path: string }
  | { readonly from: 'default' }
  | { readonly from: 'nowhere' };

export interface Resolved<S extends Settings = Settings> {
  readonly values: ValuesOf<S>;
  readonly origins: { readonly [K in keyof S]: Origin };
}

/** What {@link resolveSettings} reads from. */
export interface Sources {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the config file. Default: from disk. */
  readonly readFile?: (path: string) => string;
}

/**
 * Settles every setting of a command: a flag wins over an environment variable, that over the
 * config file, that over the default. All that is wrong is said at once.
 *
 * @throws TributaryError `setting_invalid` or `setting_missing`
 */
export function resolveSettings<S extends Settings>(
  command: Command<S>,
  sources: Sources,
): Resolved<S> {
  const line = readCommandLine(command.settings, sources.args);
  const problems: string[] = [...line.problems];
  const file = readConfigFile(command, line.given, sources, problems);

  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const missing: string[] = [];
  for (const [name, setting] of Object.entries(command.settings)) {
    const found = findValue(name, setting, line.given, sources.env, file);
    origins[name] = found?.origin ?? {
      from: setting.default === undefined ? 'nowhere' : 'default',
    };
    if (!found) {
      values[name] = setting.default;
      if (setting.required) missing.push(name);
      continue;
    }
    const decoded = setting.type.schema.safeParse(found.given);
    if (decoded.success) values[name] = decoded.data;
    else problems.push(invalid(name, setting, found));
  }
  if (problems.length > 0) throw new TributaryError('setting_invalid', problems.join('\n'));
  if (missing.length > 0) throw missingSettings(command, missing);

  const complaint = command.check?.(values as ValuesOf<S>);
  if (complaint) throw new TributaryError('setting_invalid', complaint);
  return { values, origins } as Resolved<S>;
}

/** Variables that start with TRIBUTARY_ and that no command knows: probably misspelt. */
export function unknownVariables(
  env: Sources['env'],
  known: ReadonlySet<string>,
): readonly { readonly name: string; readonly nearest: string | undefined }[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('TRIBUTARY_') && !known.has(name))
    .map((name) => ({ name, nearest: nearest(name, [...known]) }));
}

/** How a value came, in words: `from TRIBUTARY_LISTEN`, `from service-addr in pool.toml`. */
export function originText(origin: Origin): string {
  switch (origin.from) {
    case 'flag':
      return `${origin.as} on the command line`;
    case 'env':
      return `environment variable ${origin.as}`;
    case 'file':
      return `${origin.as} in ${origin.path}`;
    case 'default':
      return 'default';
    case 'nowhere':
      return 'not set';
  }
}

interface Found {
  readonly given: unknown;
  readonly origin: Origin;
}

interface ConfigFile {
  readonly path: string;
  readonly keys: ReadonlyMap<string, { readonly given: unknown; readonly as: string }>;
}

function findValue(
  name: string,
  setting: AnySetting,
  given: ReadonlyMap<string, Given>,
  env: Sources['env'],
  file: ConfigFile | undefined,
): Found | undefined {
  const flag = given.get(name);
  if (flag) return { given: flag.value, origin: { from: 'flag', as: flag.as } };
  if (setting.positional === 'only') return undefined;
  const variable = env[envOf(name)];
  // An empty variable counts as not set: that is how compose files leave one out.
  if (variable) return { given: variable, origin: { from: 'env', as: envOf(name) } };
  const entry = file?.keys.get(name);
  if (!file || !entry) return undefined;
  return { given: entry.given, origin: { from: 'file', as: entry.as, path: file.path } };
}

/**
 * The config file is TOML. Keys stand at its top or in the tables along the command's name, which
 * win: `[gateway]`, then `[gateway.push]`. Tables of other commands are left alone, so that one
 * file may serve several.
 */
function readConfigFile(
  command: Command,
  given: ReadonlyMap<string, Given>,
  sources: Sources,
  problems: string[],
): ConfigFile | undefined {
  if (!command.settings.config) return undefined;
  const path = given.get('config')?.value ?? sources.env.TRIBUTARY_CONFIG;
  if (typeof path !== 'string' || path === '') return undefined;
  const document = readDocument(path, sources.readFile ?? ((file) => readFileSync(file, 'utf8')));
  const names = new Map(
    Object.entries(command.settings)
      .filter(([name, { positional }]) => positional !== 'only' && name !== 'config')
      .map(([name]) => [keyOf(name), name]),
  );
  const keys = new Map<string, { given: unknown; as: string }>();
  const take = (entries: Readonly<Record<string, unknown>>, prefix: string) => {
    for (const [key, value] of Object.entries(entries)) {
      if (isTable(value)) continue;
      const name = names.get(key);
      if (name) keys.set(name, { given: value, as: `${prefix}${key}` });
      else problems.push(unknownKey(key, prefix, path, names));
    }
  };
  take(document, '');
  let table: unknown = document;
  let prefix = '';
  for (const word of command.name.split(' ')) {
    table = isTable(table) ? table[word] : undefined;
    prefix += `${word}.`;
    if (isTable(table)) take(table, prefix);
  }
  return { path, keys };
}

function readDocument(
  path: string,
  readFile: (path: string) => string,
): Readonly<Record<string, unknown>> {
  try {
    return parseToml(readFile(path));
  } catch (error) {
    const what = error instanceof TomlError ? 'is not TOML' : 'cannot be read';
    throw new TributaryError(
      'setting_invalid',
      `The config file ${path} ${what}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
  );
}

function unknownKey(
  key: string,
  prefix: string,
  path: string,
  names: ReadonlyMap<string, string>,
): string {
  const suggestion = nearest(key, [...names.keys()]);
  const hint = suggestion ? ` Did you mean ${suggestion}?` : '';
  return `${prefix}${key} in ${path} is not a setting.${hint}`;
}

function invalid(name: string, setting: AnySetting, { given, origin }: Found): string {
  const value = setting.secret ? 'the given secret' : JSON.stringify(given);
  // It was written without a flag, as one of the words of the command.
  if (origin.from === 'flag' && !origin.as.startsWith('-') && !setting.secret) {
    const what = keyOf(name).replaceAll('-', ' ');
    return `${value} cannot be the ${what}. It must be ${setting.type.allowed}.`;
  }
  return `--${keyOf(name)} cannot be ${value} (${originText(origin)}). It must be ${setting.type.allowed}.`;
}

function missingSettings(command: Command, missing: readonly string[]): TributaryError {
  const lines = missing.map((name) => {
    const setting = command.settings[name] as AnySetting;
    if (setting.positional === 'only') return `${setting.type.placeholder}: ${setting.doc}`;
    return `--${keyOf(name)} ${setting.type.placeholder} (or ${envOf(name)}): ${setting.doc}`;
  });
  return new TributaryError(
    'setting_missing',
    [
      `tributary ${command.name} needs`,
      ...lines.flatMap((line) => wrap(`  ${line}`, VIEW_COLUMNS, '      ')),
    ].join('\n'),
  );
}

/** A resolved value for people; secrets are masked. */
export function showResolved(setting: AnySetting, value: unknown): string {
  if (value === undefined) return setting.defaultText ?? '';
  return setting.secret ? '(secret)' : showValue(setting.type, value);
}
