import type { CanonicalValue } from './canonical.ts';

/** Takes one value of parsed JSON, or throws {@link NotReadable} with the place and what it must be. */
export type Read<T> = (value: unknown, place: string) => T;

/** A published file holds something else than the format says. */
export class NotReadable extends Error {
  override readonly name = 'NotReadable';
}

function wrong(place: string, wanted: string): NotReadable {
  return new NotReadable(`${place || 'the file'} must be ${wanted}`);
}

/** A whole number of any size as decimal text, as short as it can be. */
export const bigint: Read<bigint> = (value, place) => {
  if (typeof value === 'string' && /^(?:0|-?[1-9][0-9]{0,77})$/.test(value)) return BigInt(value);
  throw wrong(place, 'a whole number as text');
};

/** The same, not negative. */
export const count: Read<bigint> = (value, place) => {
  const whole = bigint(value, place);
  if (whole >= 0n) return whole;
  throw wrong(place, 'a number of at least 0 as text');
};

export const integer: Read<number> = (value, place) => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw wrong(place, 'a whole number');
};

export const text: Read<string> = (value, place) => {
  if (typeof value === 'string') return value;
  throw wrong(place, 'text');
};

/** Text of a form. */
export function textLike<T extends string = string>(form: RegExp, wanted: string): Read<T> {
  return (value, place) => {
    if (typeof value === 'string' && form.test(value)) return value as T;
    throw wrong(place, wanted);
  };
}

/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[]): Read<T> {
  return (value, place) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw wrong(place, `one of ${words.join(', ')}`);
  };
}

export function listOf<T>(item: Read<T>): Read<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw wrong(place, 'a list');
    return value.map((each, index) => item(each, `${place}[${index}]`));
  };
}

/** Values by name. */
export function recordOf<K extends string, T>(key: Read<K>, item: Read<T>): Read<Record<K, T>> {
  return (value, place) => {
    const members = Object.entries(objectAt(value, place));
    return Object.fromEntries(
      members.map(([name, each]) => [
        key(name, `a name in ${place}`),
        item(each, `${place}.${name}`),
      ]),
    ) as Record<K, T>;
  };
}

/** A member that may be missing. */
export interface Optional<T> {
  readonly optional: Read<T>;
}
export const optional = <T>(item: Read<T>): Optional<T> => ({ optional: item });

type Shape = Readonly<Record<string, Read<unknown> | Optional<unknown>>>;
type OptionalKeys<S extends Shape> = {
  [K in keyof S]: S[K] extends Optional<unknown> ? K : never;
}[keyof S];
/** What {@link objectOf} reads. */
export type ObjectOf<S extends Shape> = {
  readonly [K in Exclude<keyof S, OptionalKeys<S>>]: S[K] extends Read<infer T> ? T : never;
} & { readonly [K in OptionalKeys<S>]?: S[K] extends Optional<infer T> ? T : never };

/** An object with exactly these members. */
export function objectOf<const S extends Shape>(shape: S): Read<ObjectOf<S>> {
  const members = Object.entries(shape);
  return (value, place) => {
    const given = objectAt(value, place);
    const read: Record<string, unknown> = {};
    let found = 0;
    for (const [name, item] of members) {
      const isThere = Object.hasOwn(given, name);
      if (isThere) found += 1;
      if (typeof item === 'function') read[name] = item(given[name], dotted(place, name));
      else if (isThere) read[name] = item.optional(given[name], dotted(place, name));
    }
    if (found === Object.keys(given).length) return read as ObjectOf<S>;
    const known = new Set(members.map(([name]) => name));
    const other = Object.keys(given).find((name) => !known.has(name));
    throw wrong(dotted(place, other ?? ''), 'left out: nobody knows it');
  };
}

const dotted = (place: string, name: string) => (place === '' ? name : `${place}.${name}`);

function objectAt(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw wrong(place, 'an object');
}

/** A value as canonical JSON can hold it: bigints as decimal text, undefined members left out. */
export function plain(value: unknown): CanonicalValue {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, each]) =>
        each === undefined ? [] : [[name, plain(each)]],
      ),
    );
  }
  return value as CanonicalValue;
}
