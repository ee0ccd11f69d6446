import { pbkdf2, scrypt } from 'node:crypto';
import { scrypt as wasmScrypt } from 'hash-wasm';

/**
 * What one file may cost to open. geth's standard (n 2^18, r 8, p 1) takes 256 MiB and 0.7 s; a
 * file with four times as much still opens, one that wants the whole machine does not.
 */
const SCRYPT_BYTES_MAX = 2 ** 30;
/** n x r x p; the standard has 2^21. */
const SCRYPT_WORK_MAX = 2 ** 23;
/** The standard has 262,144; ten million take about 3 s. */
const PBKDF2_ROUNDS_MAX = 10_000_000;
/** Half of it encrypts, half of it authenticates; the format uses no more. */
const KEY_BYTES = 32;
/** What OpenSSL wants besides the table itself. */
const SCRYPT_SLACK_BYTES = 2 ** 20;

/** How a password becomes a key, with the names of the Web3 Secret Storage definition. */
export type Derivation =
  | {
      readonly kdf: 'scrypt';
      readonly n: number;
      readonly r: number;
      readonly p: number;
      readonly salt: Uint8Array;
    }
  | { readonly kdf: 'pbkdf2'; readonly c: number; readonly salt: Uint8Array };

/** Why a derivation is not run: a sentence that ends `… of this keystore`; undefined when it is. */
export function derivationProblem(derivation: Derivation): string | undefined {
  if (derivation.kdf === 'pbkdf2') {
    if (derivation.c < 1) return 'the number of rounds makes no sense';
    return derivation.c > PBKDF2_ROUNDS_MAX ? 'opening it would take too long' : undefined;
  }
  const { n, r, p } = derivation;
  if (n < 2 || r < 1 || p < 1 || !Number.isInteger(Math.log2(n))) {
    return 'the scrypt parameters make no sense';
  }
  if (128 * r * (n + p) > SCRYPT_BYTES_MAX) return 'opening it would take too much memory';
  return n * r * p > SCRYPT_WORK_MAX ? 'opening it would take too long' : undefined;
}

/**
 * 32 bytes from a password, off the event loop. Ask {@link derivationProblem} first: throws
 * RangeError on what it refuses.
 */
export async function deriveKey(password: string, derivation: Derivation): Promise<Uint8Array> {
  const problem = derivationProblem(derivation);
  if (problem) throw new RangeError(problem);
  if (derivation.kdf === 'pbkdf2') {
    return promised((done) =>
      pbkdf2(password, derivation.salt, derivation.c, KEY_BYTES, 'sha256', done),
    );
  }
  const { n, r, p, salt } = derivation;
  if (tooLargeForOpenssl(n, r)) {
    return wasmScrypt({
      password,
      salt,
      costFactor: n,
      blockSize: r,
      parallelism: p,
      hashLength: KEY_BYTES,
      outputType: 'binary',
    });
  }
  const maxmem = 128 * r * (n + p) + SCRYPT_SLACK_BYTES;
  return promised((done) => scrypt(password, salt, KEY_BYTES, { N: n, r, p, maxmem }, done));
}

/**
 * RFC 7914 has n < 2^(16 r); geth does not mind, and neither does the definition's own example, so
 * such a file opens too, though on the event loop.
 */
function tooLargeForOpenssl(n: number, r: number): boolean {
  return Math.log2(n) >= 16 * r;
}

function promised(
  start: (done: (error: Error | null, key: Buffer) => void) => void,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    start((error, key) => (error ? reject(error) : resolve(key)));
  });
}
