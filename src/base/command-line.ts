import { keyOf, type Settings } from './command.ts';
import { nearest } from './nearest.ts';

/** A value from the command line and how it was named there. */
export interface Given {
  readonly value: unknown;
  readonly as: string;
}

export interface CommandLine {
  readonly given: ReadonlyMap<string, Given>;
  readonly problems: readonly string[];
}

type Option = {
  readonly name: string;
  readonly adapt: (text: string) => string;
  readonly negated: boolean;
};

/**
 * Reads `--name value`, `--name=value`, switches (`--live`, `--no-live`) and positionals. One dash
 * works like two, as in go-livepeer; `--` ends the options. Values are not judged here.
 */
export function readCommandLine(settings: Settings, args: readonly string[]): CommandLine {
  const options = optionsOf(settings);
  const waiting = Object.keys(settings).filter((name) => settings[name]?.positional);
  const given = new Map<string, Given>();
  const problems: string[] = [];

  const put = (name: string, value: unknown, as: string) => {
    const before = given.get(name);
    if (!before) given.set(name, { value, as });
    else if (settings[name]?.type.isList) given.set(name, { value: [before.value, value], as });
    else problems.push(`${as} is given twice.`);
  };

  let optionsEnded = false;
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index] as string;
    if (arg === '--' && !optionsEnded) {
      optionsEnded = true;
      continue;
    }
    if (optionsEnded || !/^--?[A-Za-z]/.test(arg)) {
      const name = waiting.shift();
      if (name) put(name, arg, settings[name]?.type.placeholder ?? name);
      else problems.push(`"${arg}" is one word too many.`);
      continue;
    }
    const [as, inline] = splitOnce(arg);
    const option = options.get(as.replace(/^--?/, ''));
    if (!option) {
      problems.push(unknownOption(as, [...options.keys()]));
      // What follows is most likely its value, and not worth a second complaint.
      if (inline === undefined && !/^-/.test(args[index + 1] ?? '-')) index += 1;
      continue;
    }
    if (settings[option.name]?.type.isSwitch) {
      put(option.name, option.negated ? 'false' : (inline ?? 'true'), as);
      if (option.negated && inline !== undefined) problems.push(`${as} takes no value.`);
      continue;
    }
    const next = args[index + 1];
    if (inline === undefined && (next === undefined || isOption(next, options))) {
      problems.push(`${as} needs a value: ${settings[option.name]?.type.allowed}.`);
      continue;
    }
    if (inline === undefined) index += 1;
    put(option.name, option.adapt(inline ?? (next as string)), as);
  }
  return { given, problems };
}

function optionsOf(settings: Settings): Map<string, Option> {
  const options = new Map<string, Option>();
  const same = (text: string) => text;
  for (const [name, setting] of Object.entries(settings)) {
    if (setting.positional === 'only') continue;
    options.set(keyOf(name), { name, adapt: same, negated: false });
    if (setting.type.isSwitch)
      options.set(`no-${keyOf(name)}`, { name, adapt: same, negated: true });
    for (const [alias, adapt] of Object.entries(setting.aliases ?? {})) {
      options.set(alias, { name, adapt: adapt === true ? same : adapt, negated: false });
    }
  }
  return options;
}

function isOption(arg: string, options: ReadonlyMap<string, Option>): boolean {
  return /^--?[A-Za-z]/.test(arg) && options.has(splitOnce(arg)[0].replace(/^--?/, ''));
}

function splitOnce(arg: string): [string, string | undefined] {
  const at = arg.indexOf('=');
  return at < 0 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)];
}

function unknownOption(as: string, known: readonly string[]): string {
  const suggestion = nearest(as.replace(/^--?/, ''), known);
  return `${as} is not an option.${suggestion ? ` Did you mean --${suggestion}?` : ''}`;
}
