/** L1 blocks beyond the expiry: twice the depth of a reorganisation that we are ready for. */
export const KEPT_BLOCKS = 128n;

/** What is remembered of one recipientRand. */
export interface NonceRecord {
  /** Tickets are refused from this L1 block on, so that the nonces need no memory any more. */
  readonly expirationBlock: bigint;
  readonly seen: ReadonlySet<number>;
}

/** Nonces by the hex of the recipientRand's hash. The durable one is store.ts; the rule is this. */
export type NonceMemory = ReadonlyMap<string, NonceRecord>;

export const NO_NONCES: ReadonlySet<number> = new Set();

/** The memory with these nonces added. */
export function rememberNonces(
  memory: NonceMemory,
  rand: string,
  expirationBlock: bigint,
  nonces: readonly number[],
): NonceMemory {
  const before = memory.get(rand)?.seen ?? NO_NONCES;
  const record = { expirationBlock, seen: new Set([...before, ...nonces]) };
  return new Map(memory).set(rand, record);
}

/** The memory without what expired: its tickets are refused by their block, replayed or not. */
export function forgetExpired(memory: NonceMemory, lastL1Block: bigint): NonceMemory {
  return new Map([...memory].filter(([, record]) => !nonceExpired(record, lastL1Block)));
}

/**
 * Whether a record may go. From `expirationBlock <= lastL1Block` on its tickets are refused as
 * expired, replayed or not; the rest is for a head that falls back.
 */
export function nonceExpired(
  { expirationBlock }: Pick<NonceRecord, 'expirationBlock'>,
  lastL1Block: bigint,
): boolean {
  return expirationBlock + KEPT_BLOCKS <= lastL1Block;
}
