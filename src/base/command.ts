import type { SettingType } from './setting-types.ts';

/**
 * One setting, declared once. Its key in {@link Settings} is its name in code (`serviceAddr`); the
 * flag (`--service-addr`), the variable (`TRIBUTARY_SERVICE_ADDR`), the key of the config file
 * (`service-addr`), the help text and the reference page all come out of it.
 */
export interface Setting<T> {
  readonly type: SettingType<T>;
  /** One sentence: what it does. */
  readonly doc: string;
  readonly default?: NoInfer<T>;
  /** Says the default in words where it is worked out at start. */
  readonly defaultText?: string;
  /** Why the default is what it is. */
  readonly why?: string;
  /** Without a value the command does not start. */
  readonly required?: true;
  /** Never shown: neither in errors nor in lists. */
  readonly secret?: true;
  /** A change takes effect without a restart. */
  readonly reloadable?: true;
  /** Spellings of go-livepeer with the same meaning, without dash; a function adapts the value. */
  readonly aliases?: Readonly<Record<string, true | ((text: string) => string)>>;
  /** Stands without its name: `only` there, or `too` besides flag, variable and file. */
  readonly positional?: 'only' | 'too';
}

/** A setting of whatever type; {@link ValuesOf} recovers it. */
// biome-ignore lint/suspicious/noExplicitAny: no other type holds settings of several types
export type AnySetting = Setting<any>;

/** The settings of one command, by name in code. */
export type Settings = Readonly<Record<string, AnySetting>>;

/** The values of a {@link Settings}: never undefined where there is a default or a requirement. */
export type ValuesOf<S> = {
  readonly [K in keyof S]: S[K] extends { readonly type: SettingType<infer T> }
    ? S[K] extends { readonly default: unknown } | { readonly required: true }
      ? T
      : T | undefined
    : never;
};

/** A command with its settings: what `--help`, the reference pages and the resolver read. */
export interface Command<S extends Settings = Settings> {
  /** `pool`, `worker join`; its words also name the tables of the config file. */
  readonly name: string;
  /** One sentence for the list of commands. */
  readonly summary: string;
  readonly settings: S;
  /** A rule over several settings: the sentence that says what is wrong, or undefined. */
  check?(values: ValuesOf<S>): string | undefined;
  /** Lines for `--help` that can be pasted. */
  readonly examples?: readonly string[];
}

/** Declares a command; keeps the types of its settings. */
export function defineCommand<const S extends Settings>(command: Command<S>): Command<S> {
  return command;
}

/** `serviceAddr` → `service-addr`. */
export function keyOf(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `serviceAddr` → `TRIBUTARY_SERVICE_ADDR`. */
export function envOf(name: string): string {
  return `TRIBUTARY_${keyOf(name).replaceAll('-', '_').toUpperCase()}`;
}
