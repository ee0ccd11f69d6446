import { createRequire } from 'node:module';
import { createKeccak } from 'hash-wasm';

/** A keccak-256 computation that takes its input in pieces. */
export interface KeccakHasher {
  update(bytes: Uint8Array): void;
  /** The 32 bytes of the hash. The hasher must not be used afterwards. */
  digest(): Uint8Array;
}

/** What we use of the untyped `keccak` addon. */
type NativeKeccak = (name: 'keccak256') => { update(bytes: Buffer): unknown; digest(): Buffer };

/** The addon without its pure-JavaScript stand-in, which is 15 times slower than WebAssembly. */
const native = loadNative();
const forSmall = await createKeccak(256);
const forBulk = await createKeccak(256);

/**
 * keccak-256 (the one of Ethereum, not SHA3-256) of a small input, at once: about 2 us for 100
 * bytes. What a peer sends in bulk goes through `base/hashing.ts` instead, off the event loop.
 */
export function keccak256(bytes: Uint8Array): Uint8Array {
  return forSmall.init().update(bytes).digest('binary');
}

/**
 * A hasher for large inputs: the native addon (430 to 445 MB/s measured on one core) where a
 * prebuilt one exists, else WebAssembly (380 to 400 MB/s). Reads shared memory in place.
 */
export function createKeccakHasher(): KeccakHasher {
  return native ? nativeHasher(native) : wasmHasher();
}

function nativeHasher(create: NativeKeccak): KeccakHasher {
  const hasher = create('keccak256');
  return {
    update(bytes) {
      hasher.update(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    },
    digest: () => hasher.digest(),
  };
}

/** Many hashers take turns on one WebAssembly instance, by saving their state in between. */
export function wasmHasher(): KeccakHasher {
  let state = forBulk.init().save();
  return {
    update(bytes) {
      state = forBulk.load(state).update(bytes).save();
    },
    digest: () => forBulk.load(state).digest('binary'),
  };
}

function loadNative(): NativeKeccak | undefined {
  try {
    return createRequire(import.meta.url)('keccak/bindings') as NativeKeccak;
  } catch {
    return undefined;
  }
}
