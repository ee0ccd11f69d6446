import { setFlagsFromString } from 'node:v8';
import { TributaryError } from './errors.ts';

/**
 * Writes out the keccak-f[1600] permutation as WebAssembly for one, two and four inputs side by
 * side, because no addon that exists is as fast: 490 MB/s for one on a core where those reach 400,
 * 610 for two, 1,080 for four (docs/decisions/relay.md).
 */

/** Bytes that one permutation takes in: the rate of keccak-256. */
export const RATE_BYTES = 136;
/** The 1600 bits between two permutations, in words of 64 bits. */
export const STATE_WORDS = 25;
/** Inputs that can be taken in side by side. Three go as four, one of which is nobody's. */
export const WIDTHS = [1, 2, 4] as const;
export type Width = (typeof WIDTHS)[number];
/** Blocks of one input that the memory has room for: 64 KB. */
export const LANE_BLOCKS = 470;

const CONSTANTS_AT = 0;
/** The states, interleaved: the first word of each, the second word of each, and so on. */
export const STATES_AT = 1024;
/** The odd rounds read what the even ones wrote here, and the other way round. */
const NEXT_AT = 2048;
const LANES_AT = 4096;
const PAGES = 4;

/** Where the input of a lane lies. */
export const laneAt = (lane: number): number => LANES_AT + lane * LANE_BLOCKS * RATE_BYTES;

/** Takes whole blocks of several inputs into their states. */
export interface Permutations {
  readonly memory: ArrayBuffer;
  readonly absorb: Readonly<Record<Width, (blocks: number) => void>>;
}

/** Compiles them, in 30 ms. Throws `internal` when they disagree. */
export function compilePermutations(): Permutations {
  const pages = new Memory({ initial: PAGES, maximum: PAGES });
  const constants = roundConstants().flatMap((constant) => Array(4).fill(constant) as bigint[]);
  new BigUint64Array(pages.buffer, CONSTANTS_AT, constants.length).set(constants);
  const compile = (width: Width) =>
    new Instance(new Module(moduleOf(width)), { m: { m: pages } }).exports.f;
  const permutations = {
    memory: pages.buffer,
    absorb: { 1: compile(1), 2: compile(2), 4: compile(4) },
  };
  optimized(() => compare(permutations));
  return permutations;
}

/** What we use of WebAssembly: TypeScript has its types only among those of browsers. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: { readonly f: (blocks: number) => void } };
}

const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi })
  .WebAssembly;

/**
 * V8 can put two SIMD operations on neighbouring words together into one of 256 bits, which
 * WebAssembly itself does not know. That is an experimental option of its optimizing compiler, so
 * it is on for our own functions only, which are compiled at their first call and compared after.
 */
function optimized(firstCalls: () => void): void {
  const known = process.versions.v8.startsWith('13.');
  if (known) setFlagsFromString('--no-liftoff');
  if (known) setFlagsFromString('--experimental-wasm-revectorize');
  try {
    firstCalls();
  } finally {
    if (known) setFlagsFromString('--no-experimental-wasm-revectorize');
    if (known) setFlagsFromString('--liftoff');
  }
}

/** Some blocks, the same ones at every width: the states must be the same. */
function compare({ memory, absorb }: Permutations): void {
  const states = new BigUint64Array(memory, STATES_AT, STATE_WORDS * 4);
  const blocks = 5;
  const inputs = Array.from({ length: 4 }, (_, lane) => {
    const input = new Uint8Array(memory, laneAt(lane), blocks * RATE_BYTES);
    for (const at of input.keys()) input[at] = (at * 167 + lane * 59 + (at >> 6)) & 0xff;
    return input;
  });
  const take = (width: Width): string[] => {
    states.fill(0n);
    absorb[width](blocks);
    return Array.from({ length: width }, (_, lane) =>
      states.filter((_word, at) => at < STATE_WORDS * width && at % width === lane).join(),
    );
  };
  const wide = { 2: take(2), 4: take(4) };
  for (const [lane, input] of inputs.entries()) {
    new Uint8Array(memory).copyWithin(laneAt(0), input.byteOffset, input.byteOffset + input.length);
    const [alone] = take(1);
    if (alone === wide[4][lane] && (lane > 1 || alone === wide[2][lane])) continue;
    throw new TributaryError('internal', 'keccak-256 of several inputs differs from that of one');
  }
  states.fill(0n);
}

type Code = readonly number[];

const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;
const BLOCKS = 0;
const OFFSET = 1;
const ROUND = 2;
const WORDS_FROM = 3;
/** Locals per half of a word: the parities, what they add, and a row. */
const WORDS = 15;

const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const tee = (local: number): Code => [0x22, ...unsigned(local)];
const i32 = (value: number): Code => [0x41, ...signed(value)];
const add = (local: number, value: number): Code => [...get(local), ...i32(value), 0x6a];
/** Alignment and offset of a load or store. */
const place = (offset: number): Code => [3, ...unsigned(offset)];
/** Of one input's words, wherever they are. */
const load64 = (address: Code, offset: number): Code => [...address, 0x29, ...place(offset)];
const store64 = (offset: number, value: Code): Code => [
  ...[...i32(0), ...value],
  ...[0x37, ...place(offset)],
];

/** The operations on a word of one input, or on the words of two. */
interface Words {
  readonly type: number;
  xor(a: Code, b: Code): Code;
  /** not a, and b */
  notAnd(a: Code, b: Code): Code;
  rotate(local: number, bits: number): Code;
  load(address: Code, offset: number): Code;
  store(offset: number, value: Code): Code;
}

const single: Words = {
  type: I64,
  xor: (a, b) => [...a, ...b, 0x85],
  notAnd: (a, b) => [...a, 0x42, 0x7f, 0x85, ...b, 0x83],
  rotate: (local, bits) => [...get(local), 0x42, ...signed(bits), 0x89],
  load: load64,
  store: store64,
};

const paired: Words = {
  type: V128,
  xor: (a, b) => [...a, ...b, 0xfd, 0x51],
  notAnd: (a, b) => [...b, ...a, 0xfd, 0x4f],
  rotate: (local, bits) => [
    ...[...get(local), ...i32(bits), 0xfd, 0xcb, 0x01],
    ...[...get(local), ...i32(64 - bits), 0xfd, 0xcd, 0x01],
    ...[0xfd, 0x50],
  ],
  load: (address, offset) => [...address, 0xfd, 0x00, ...place(offset)],
  store: (offset, value) => [...i32(0), ...value, 0xfd, 0x0b, ...place(offset)],
};

/** A function `f(blocks)` that takes so many blocks of `width` inputs into their states. */
function moduleOf(width: Width): Uint8Array<ArrayBuffer> {
  const words = width === 1 ? single : paired;
  const lanes = Array.from({ length: width }, (_, lane) => lane);
  const absorbed = Array.from({ length: RATE_BYTES / 8 }, (_, word) =>
    lanes.map((lane) => {
      const at = STATES_AT + (word * width + lane) * 8;
      const input = load64(get(OFFSET), laneAt(lane) + word * 8);
      return store64(at, [...load64(i32(0), at), ...input, 0x85]);
    }),
  );
  const body = [
    ...[0x03, 0x40], // for each block
    ...absorbed.flat(2),
    ...[...i32(0), ...set(ROUND)],
    ...[0x03, 0x40], // for each pair of rounds
    ...roundOf(words, width, { from: STATES_AT, to: NEXT_AT, constant: 0 }),
    ...roundOf(words, width, { from: NEXT_AT, to: STATES_AT, constant: 32 }),
    ...[...add(ROUND, 64), ...tee(ROUND), ...i32(24 * 32), 0x49],
    ...[0x0d, 0, 0x0b],
    ...[...add(OFFSET, RATE_BYTES), ...set(OFFSET)],
    ...[...add(BLOCKS, -1), ...tee(BLOCKS)],
    ...[0x0d, 0, 0x0b],
    0x0b,
  ];
  const declared = [2, 2, I32, ...unsigned(2 * WORDS), words.type];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 0]),
    ...section(2, [1, 1, 0x6d, 1, 0x6d, 2, 1, PAGES, PAGES]),
    ...section(3, [1, 0]),
    ...section(7, [1, 1, 0x66, 0, 0]),
    ...section(10, [1, ...unsigned(declared.length + body.length), ...declared, ...body]),
  ]);
}

/** Rotations of the words (FIPS 202, 3.2.2), and which words make up each row (3.2.3). */
const ROTATIONS = [
  0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14,
];
const ROWS = [
  [0, 6, 12, 18, 24],
  [3, 9, 10, 16, 22],
  [1, 7, 13, 19, 20],
  [4, 5, 11, 17, 23],
  [2, 8, 14, 15, 21],
] as const;
const FIVE = [0, 1, 2, 3, 4];

/**
 * theta, rho, pi, chi and iota, row by row, from one place in memory to another: a core has too few
 * registers for the state anyway. With four inputs each word has two halves, which lie and are
 * treated side by side so that V8 puts them together.
 */
function roundOf(
  words: Words,
  width: Width,
  { from, to, constant }: { readonly from: number; readonly to: number; readonly constant: number },
): Code {
  const { xor } = words;
  const halves = width === 4 ? [0, 1] : [0];
  const local = (half: number, index: number) => WORDS_FROM + half * WORDS + index;
  const load = (index: number, half: number) =>
    words.load(i32(0), from + index * width * 8 + half * 16);
  const code: number[] = [];
  const each = (what: (x: number, half: number) => Code, xs: readonly number[] = FIVE) => {
    for (const x of xs) for (const half of halves) code.push(...what(x, half));
  };

  each((x, half) => {
    const column = FIVE.map((y) => load(x + 5 * y, half));
    return [...column.reduce((sum, next) => xor(sum, next)), ...set(local(half, x))];
  });
  each((x, half) => {
    const left = get(local(half, (x + 4) % 5));
    const right = words.rotate(local(half, (x + 1) % 5), 1);
    return [...xor(left, right), ...set(local(half, 5 + x))];
  });
  for (const [y, row] of ROWS.entries()) {
    each((x, half) => {
      const index = row[x] as number;
      const into = local(half, 10 + x);
      const mixed = [...xor(load(index, half), get(local(half, 5 + (index % 5)))), ...set(into)];
      const bits = ROTATIONS[index] as number;
      return bits === 0 ? mixed : [...mixed, ...words.rotate(into, bits), ...set(into)];
    });
    each((x, half) => {
      const b = (offset: number) => get(local(half, 10 + ((x + offset) % 5)));
      const value = xor(b(0), words.notAnd(b(1), b(2)));
      const iota = words.load(get(ROUND), CONSTANTS_AT + constant + half * 16);
      const index = 5 * y + x;
      return words.store(
        to + index * width * 8 + half * 16,
        index === 0 ? xor(value, iota) : value,
      );
    });
  }
  return code;
}

/** FIPS 202, 3.2.5: single bits out of a shift register. */
function roundConstants(): bigint[] {
  const constants: bigint[] = [];
  let register = 1;
  for (let round = 0; round < 24; round++) {
    let constant = 0n;
    for (let bit = 0; bit < 7; bit++) {
      if (register & 1) constant |= 1n << BigInt((1 << bit) - 1);
      register = (register << 1) ^ (register & 0x80 ? 0x171 : 0);
    }
    constants.push(constant);
  }
  return constants;
}

function section(id: number, contents: Code): Code {
  return [id, ...unsigned(contents.length), ...contents];
}

/** LEB128. */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left >>>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left];
}

function signed(value: number): Code {
  const bytes: number[] = [];
  let left = value;
  for (; left < -0x40 || left >= 0x40; left >>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left & 0x7f];
}
