import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';

/** How the text of a flag or environment variable, or a value of the config file, becomes a `T`. */
export interface SettingType<T> {
  /** Takes text, or what TOML holds: a number, a boolean, a list. */
  readonly schema: z.ZodType<T>;
  /** What stands for the value in a usage line: `HOST:PORT`. Empty for a switch. */
  readonly placeholder: string;
  /** Completes the sentence "It must be …". */
  readonly allowed: string;
  /** A switch needs no value: `--live`, `--live=false`, `--no-live`. */
  readonly isSwitch?: boolean;
  /** A list may be given several times; its items are also split at commas. */
  readonly isList?: boolean;
  /** The value as an operator would write it. Default: `String(value)`. */
  readonly show?: (value: T) => string;
}

/** Where to listen or to dial. An empty `host` means every interface of this machine. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, with brackets around an IPv6 address. */
export function showHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Splits `host:port`, `[v6]:port` or `:port`; undefined when it is none of these. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]*)):(\d{1,5})$/.exec(text.trim());
  if (!match) return undefined;
  const port = Number(match[3]);
  return port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : undefined;
}

/** Any text that is not empty. */
export function text(placeholder = 'TEXT'): SettingType<string> {
  return { schema: z.string().min(1), placeholder, allowed: 'text that is not empty' };
}

/** The path of a file or directory, as typed: relative to where the command was started. */
export function path(placeholder: 'FILE' | 'DIR' | 'FILE|NAMES'): SettingType<string> {
  const kind = placeholder === 'DIR' ? 'a directory' : 'a file';
  const schema = z
    .string()
    .min(1)
    .max(PATH_BYTES_MAX)
    .regex(/^[^\0]+$/);
  return { schema, placeholder, allowed: `the path of ${kind}` };
}
/** PATH_MAX of Linux. */
const PATH_BYTES_MAX = 4096;

/** On or off. */
export function onOff(): SettingType<boolean> {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    on: true,
    yes: true,
    '1': true,
    false: false,
    off: false,
    no: false,
    '0': false,
  };
  const schema = read((given) =>
    typeof given === 'boolean' ? given : words[String(given).toLowerCase()],
  );
  return { schema, placeholder: '', allowed: 'true or false', isSwitch: true };
}

/** A whole number within bounds, both included. */
export function integer(range: { min: number; max: number }, unit = 'N'): SettingType<number> {
  const schema = read((given) => wholeNumber(given, range));
  return {
    schema,
    placeholder: unit,
    allowed: `a whole number from ${range.min} to ${range.max}`,
  };
}

/** A whole number within bounds, or `auto`. */
export function integerOrAuto(range: { min: number; max: number }): SettingType<number | 'auto'> {
  const schema = read((given) => (given === 'auto' ? 'auto' : wholeNumber(given, range)));
  return {
    schema,
    placeholder: 'N|auto',
    allowed: `a whole number from ${range.min} to ${range.max}, or auto`,
  };
}

/** A number within bounds, both included, such as seconds. */
export function decimal(range: { min: number; max: number }, unit: string): SettingType<number> {
  const schema = read((given) => {
    const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
    return typeof value === 'number' && value >= range.min && value <= range.max
      ? value
      : undefined;
  });
  return {
    schema,
    placeholder: unit,
    allowed: `a number from ${range.min} to ${range.max}`,
  };
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]): SettingType<T> {
  const schema = read((given) => words.find((word) => word === given));
  return { schema, placeholder: words.join('|'), allowed: `one of: ${words.join(', ')}` };
}

/** An amount of bytes with a binary unit: `256MiB`, `1 GiB`, `65536`. Value in bytes. */
export function byteSize(range: { min: number; max: number }): SettingType<number> {
  const schema = read((given) => {
    const match = /^(\d+(?:\.\d+)?) ?(B|KiB|MiB|GiB)?$/.exec(String(given));
    const bytes = match && Math.round(Number(match[1]) * (BYTE_UNITS[match[2] ?? 'B'] as number));
    return bytes !== null && bytes >= range.min && bytes <= range.max ? bytes : undefined;
  });
  const allowed = `an amount from ${showBytes(range.min)} to ${showBytes(range.max)}, such as 256MiB`;
  return { schema, placeholder: 'BYTES', allowed, show: showBytes };
}
const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** A time span with its unit: `500ms`, `30s`, `5min`, `2h`. Value in milliseconds. */
export function timeSpan(rangeMs: { min: number; max: number }): SettingType<number> {
  const schema = read((given) => {
    const match = /^(\d+(?:\.\d+)?) ?(ms|s|min|m|h)$/.exec(String(given));
    const ms = match && Math.round(Number(match[1]) * (TIME_UNITS[match[2] as string] as number));
    return ms !== null && ms >= rangeMs.min && ms <= rangeMs.max ? ms : undefined;
  });
  const allowed = `a time from ${showSpan(rangeMs.min)} to ${showSpan(rangeMs.max)} with its unit, such as 30s`;
  return { schema, placeholder: 'TIME', allowed, show: showSpan };
}
const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
};

/** Where to listen or dial. Port 0 means any free port, where that makes sense. */
export function address(options: { emptyHost: 'allowed' | 'refused' }): SettingType<HostPort> {
  const schema = read((given) => {
    const parsed = parseHostPort(String(given));
    return parsed && (parsed.host !== '' || options.emptyHost === 'allowed') ? parsed : undefined;
  });
  const everywhere = options.emptyHost === 'allowed' ? ', or :PORT for every interface' : '';
  return {
    schema,
    placeholder: 'HOST:PORT',
    allowed: `HOST:PORT, such as 127.0.0.1:8935${everywhere}`,
    show: showHostPort,
  };
}

/** The same, or `off`. */
export function addressOrOff(): SettingType<HostPort | 'off'> {
  const { schema: hostPort, placeholder, allowed } = address({ emptyHost: 'allowed' });
  return {
    schema: read((given) => (given === 'off' ? 'off' : hostPort.safeParse(given).data)),
    placeholder: `${placeholder}|off`,
    allowed: `${allowed}, or off`,
    show: (value) => (value === 'off' ? value : showHostPort(value)),
  };
}

/** An absolute URL with one of the given schemes (`https:`). Value: the text as typed. */
export function url(schemes: readonly string[], placeholder: string): SettingType<string> {
  const schema = read((given) => {
    if (typeof given !== 'string' || !URL.canParse(given)) return undefined;
    return schemes.includes(new URL(given).protocol) ? given : undefined;
  });
  const shown = schemes.map((scheme) => `${scheme}//…`).join(' or ');
  return { schema, placeholder, allowed: `a URL ${shown}` };
}

/**
 * The https origin of an orchestrator. Written as a URL or as `HOST[:PORT]`, to which stock nodes
 * add the scheme `https` and port 8935 (go-livepeer, discovery/discovery.go).
 */
export function serviceUrl(): SettingType<string> {
  const schema = read((given) => {
    const typed = String(given).trim();
    const bare = !typed.includes('://');
    const full = bare ? `https://${typed}${typed.includes(':') ? '' : ':8935'}` : typed;
    if (typed === '' || !URL.canParse(full)) return undefined;
    const { protocol, origin, pathname, search, username } = new URL(full);
    const plain = pathname === '/' && search === '' && username === '';
    return protocol === 'https:' && plain ? origin : undefined;
  });
  return {
    schema,
    placeholder: 'https://HOST:PORT',
    allowed: 'the address of an orchestrator, such as https://pool.example:8935',
  };
}

/** Several values of one type, separated by commas. */
export function listOf<T>(item: SettingType<T>): SettingType<readonly T[]> {
  const split = (given: unknown): unknown[] => {
    if (Array.isArray(given)) return given.flatMap(split);
    if (typeof given !== 'string') return [given];
    return given
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  };
  const schema = z.unknown().transform(split).pipe(z.array(item.schema)) as z.ZodType<readonly T[]>;
  const show = (values: readonly T[]) => values.map((value) => showValue(item, value)).join(',');
  return {
    schema,
    placeholder: `${item.placeholder},…`,
    allowed: `${item.allowed}; several are separated by commas`,
    isList: true,
    show,
  };
}

/**
 * A secret given as text, or as the path of a file whose trimmed content it is, as the stock
 * `-orchSecret` takes it (go-livepeer, common/readfromfile.go).
 */
export function secretOrFile(): SettingType<string> {
  const schema = read((given) => {
    if (typeof given !== 'string') return undefined;
    const secret = isFile(given) ? readFileSync(given, 'utf8').trim() : given.trim();
    return secret !== '' && secret.length <= SECRET_CHARACTERS_MAX ? secret : undefined;
  });
  return {
    schema,
    placeholder: 'SECRET|FILE',
    allowed: 'a secret, or the path of a file that holds nothing else',
  };
}
/** Join strings are the longest secrets, at about 300 characters. */
const SECRET_CHARACTERS_MAX = 4096;

/** The value as an operator would write it. */
export function showValue<T>(type: SettingType<T>, value: T): string {
  return type.show ? type.show(value) : String(value);
}

/** A schema from a function that answers undefined to what it does not take. */
export function read<T>(decode: (given: unknown) => T | undefined): z.ZodType<T> {
  const schema = z.unknown().transform((given, context): T => {
    const value = decode(given);
    if (value !== undefined) return value;
    context.addIssue('not allowed');
    return z.NEVER;
  });
  return schema as unknown as z.ZodType<T>;
}

function wholeNumber(given: unknown, range: { min: number; max: number }): number | undefined {
  const value = typeof given === 'string' && /^-?\d{1,15}$/.test(given) ? Number(given) : given;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined;
  return value >= range.min && value <= range.max ? value : undefined;
}

function isFile(path: string): boolean {
  if (path.includes('\0') || path.length > PATH_BYTES_MAX) return false;
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function showBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    const size = BYTE_UNITS[unit] as number;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

function showSpan(ms: number): string {
  for (const unit of ['h', 'min', 's']) {
    const size = TIME_UNITS[unit] as number;
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
