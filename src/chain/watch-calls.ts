import type { Hex } from 'viem';
import { parseHex } from '../base/bytes.ts';

/** One read of a contract, within a question that has many. */
export interface Call {
  readonly to: Hex;
  /** Selector and arguments. */
  readonly data: Hex;
  /** Bytes that an answer may have; of a longer one nothing is told. */
  readonly bytesMax: number;
}

/** Arguments are read into memory here; answers follow. */
const ANSWERS_AT = 0x100;
/** A code of more bytes is no contract to nodes (EIP-3860), and neither is a longer answer (EIP-170). */
const CODE_BYTES_MAX = 49_152;
const ANSWER_BYTES_MAX = 24_576;
const WORD = 32;

/**
 * Many reads as the `data` of one `eth_call` without `to`: a program that makes the calls as of one
 * block and returns what they answered: one moment, one question, and no helper contract on the
 * chain. The answer has for each call a word, 0 when it failed and its length plus 1 otherwise, and
 * `bytesMax` bytes.
 *
 * Throws RangeError when there are more calls than one question holds.
 */
export function encodeCalls(calls: readonly Call[]): Hex {
  const total = answerBytes(calls);
  const inputs = calls.map(({ data }) => Buffer.from(parseHex(data) ?? []));
  const codeOf = (inputsAt: number): Buffer[] => {
    let input = inputsAt;
    let answer = ANSWERS_AT;
    const parts = calls.map(({ to, bytesMax }, at) => {
      const length = inputs[at]?.length ?? 0;
      if (length > ANSWERS_AT) throw new RangeError('arguments of a read are too long');
      const part = callCode({ to, length, input, answer, bytesMax });
      input += length;
      answer += WORD + bytesMax;
      return part;
    });
    return [...parts, Buffer.concat([push(total), push(ANSWERS_AT), Buffer.of(RETURN)])];
  };
  // Every number has the same width, so the length of the code is known before they are.
  const code = Buffer.concat(codeOf(Buffer.concat(codeOf(0)).length));
  const all = Buffer.concat([code, ...inputs]);
  if (all.length > CODE_BYTES_MAX || total > ANSWER_BYTES_MAX) {
    throw new RangeError(`${calls.length} reads are too many for one question`);
  }
  return `0x${all.toString('hex')}`;
}

/** What each call answered; undefined for one that failed. Undefined when it is no such answer. */
export function decodeCalls(
  calls: readonly Call[],
  answer: string,
): readonly (Hex | undefined)[] | undefined {
  const bytes = typeof answer === 'string' ? parseHex(answer) : undefined;
  if (!bytes || bytes.length !== answerBytes(calls)) return undefined;
  const all = Buffer.from(bytes);
  let at = 0;
  return calls.map(({ bytesMax }) => {
    const length = all.readUIntBE(at + WORD - 6, 6) - 1;
    const from = at + WORD;
    at = from + bytesMax;
    if (length < 0 || length > bytesMax) return undefined;
    return `0x${all.toString('hex', from, from + length)}` as const;
  });
}

function answerBytes(calls: readonly Call[]): number {
  return calls.reduce((sum, { bytesMax }) => sum + WORD + bytesMax, 0);
}

/** Instructions of the EVM. */
const ADD = 0x01;
const MUL = 0x02;
const CODECOPY = 0x39;
const RETURNDATASIZE = 0x3d;
const MSTORE = 0x52;
const GAS = 0x5a;
const PUSH3 = 0x62;
const PUSH20 = 0x73;
const RETURN = 0xf3;
const STATICCALL = 0xfa;

function callCode(call: {
  readonly to: Hex;
  readonly length: number;
  readonly input: number;
  readonly answer: number;
  readonly bytesMax: number;
}): Buffer {
  const { to, length, input, answer, bytesMax } = call;
  return Buffer.concat([
    ...[push(length), push(input), push(0), Buffer.of(CODECOPY)],
    ...[push(bytesMax), push(answer + WORD), push(length), push(0)],
    ...[Buffer.of(PUSH20), Buffer.from(parseHex(to) ?? []), Buffer.of(GAS, STATICCALL)],
    // The call left 1 or 0: times the length plus 1.
    ...[Buffer.of(RETURNDATASIZE), push(1), Buffer.of(ADD, MUL), push(answer), Buffer.of(MSTORE)],
  ]);
}

function push(value: number): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt8(PUSH3);
  code.writeUIntBE(value, 1, 3);
  return code;
}
