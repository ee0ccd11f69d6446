import { concat, u64 } from './bytes.ts';

/**
 * What a pool puts its name under: that a key signs its receipts, that these are its terms, that an
 * epoch came to this. Signed by the node account as EIP-712 typed data, and by the receipt key with
 * Ed25519; both times over the same three fields, and never over bytes of a caller's choice.
 */
export interface Statement {
  readonly kind: StatementKind;
  /** Of the key or the terms; of an epoch its number. Below 2^64. */
  readonly version: bigint;
  /** 32 bytes: SHA-256 of the canonical file; of a receipt key the public key itself. */
  readonly digest: Uint8Array;
}

const CODES = {
  receipt_key: 1,
  terms: 2,
  epoch: 3,
  manifest: 4,
  payout_key: 5,
  payouts: 6,
} as const;

/** What a statement is about. */
export type StatementKind = keyof typeof CODES;

/** Every kind, in the order of its codes. */
export const statementKinds = Object.keys(CODES) as readonly StatementKind[];

/** The code of a kind: one byte. */
export function statementCode(kind: StatementKind): number {
  return CODES[kind];
}

/** Who a pool is: the same in every receipt and every file. */
export interface PoolIdentity {
  /** 20 bytes: the orchestrator's address, zeros off-chain. */
  readonly pool: Uint8Array;
  /** 0 off-chain. */
  readonly chainId: bigint;
}

/** Keccak-256, which EIP-712 hashes with. Handed in like SHA-256. */
export type Keccak256 = (bytes: Uint8Array) => Uint8Array;

/** The account that signed a 32-byte digest (65 bytes r, s, v): 20 bytes, or undefined. */
export type RecoverAddress = (digest: Uint8Array, signature: Uint8Array) => Uint8Array | undefined;

const utf8 = new TextEncoder();
const MAGIC = utf8.encode('TRIBSTM1');

/**
 * What a receipt key signs with Ed25519: 77 bytes, `TRIBSTM1`, pool (20), chain id (8), code of the
 * kind (1), version (8),
 * digest (32). No receipt begins so.
 */
export function statementBytes(identity: PoolIdentity, statement: Statement): Uint8Array {
  checkFields(identity, statement);
  const { kind, version, digest } = statement;
  return concat(
    MAGIC,
    identity.pool,
    u64(identity.chainId),
    Uint8Array.of(statementCode(kind)),
    u64(version),
    digest,
  );
}

/** As wallets know typed data; the signer and viem's `verifyTypedData` mean the same by it. */
export const statementTypes = {
  Statement: [
    { name: 'kind', type: 'string' },
    { name: 'version', type: 'uint64' },
    { name: 'digest', type: 'bytes32' },
  ],
} as const;

/** Name and version in the EIP-712 domain; the chain and the orchestrator's address go with them. */
export const STATEMENT_DOMAIN = { name: 'Tributary', version: '1' } as const;

const DOMAIN_TYPE =
  'EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)';
const STATEMENT_TYPE = 'Statement(string kind,uint64 version,bytes32 digest)';

/**
 * The 32 bytes that the node account signs: EIP-712 of `Statement(string kind,uint64 version,bytes32
 * digest)` in the domain of this orchestrator and chain.
 */
export function statementDigest(
  identity: PoolIdentity,
  statement: Statement,
  keccak256: Keccak256,
): Uint8Array {
  checkFields(identity, statement);
  const text = (value: string) => keccak256(utf8.encode(value));
  const domain = concat(
    text(DOMAIN_TYPE),
    text(STATEMENT_DOMAIN.name),
    text(STATEMENT_DOMAIN.version),
    word(u64(identity.chainId)),
    word(identity.pool),
  );
  const message = concat(
    text(STATEMENT_TYPE),
    text(statement.kind),
    word(u64(statement.version)),
    statement.digest,
  );
  return keccak256(concat(Uint8Array.of(0x19, 0x01), keccak256(domain), keccak256(message)));
}

/** Who signed a statement by EIP-712: 20 bytes; undefined when the signature is none. */
export function statementSigner(
  signed: {
    readonly identity: PoolIdentity;
    readonly statement: Statement;
    /** 65 bytes: r, s, v. */
    readonly signature: Uint8Array;
  },
  by: { readonly keccak256: Keccak256; readonly recover: RecoverAddress },
): Uint8Array | undefined {
  const digest = statementDigest(signed.identity, signed.statement, by.keccak256);
  return by.recover(digest, signed.signature);
}

function checkFields({ pool }: PoolIdentity, { digest }: Statement): void {
  if (pool.length !== 20) throw new RangeError('the address of a pool has 20 bytes');
  if (digest.length !== 32) throw new RangeError('the digest of a statement has 32 bytes');
}

function word(bytes: Uint8Array): Uint8Array {
  return concat(new Uint8Array(32 - bytes.length), bytes);
}
