import { parseHex } from '../base/bytes.ts';
import { keccak256 } from '../base/keccak.ts';
import {
  type PoolIdentity,
  type Statement,
  type StatementKind,
  statementCode,
  statementDigest,
  statementKinds,
} from '../proofs/statement.ts';
import { signDigest } from '../protocol/signature.ts';
import type { SigningPolicy } from './signing-policy.ts';

/** What the node account puts its name under; what was paid is for the receipt key to say. */
export type AccountStatementKind = Exclude<StatementKind, 'payouts'>;

/** A statement as it is asked of the signer, which builds what it signs out of these three fields. */
export interface AccountStatement extends Statement {
  readonly kind: AccountStatementKind;
}

/** Code of the kind, version, digest. */
const STATEMENT_BYTES = 1 + 8 + 32;

/** The 41 bytes of a request. Throws RangeError when a field does not fit. */
export function encodeStatement({ kind, version, digest }: AccountStatement): Uint8Array {
  if (digest.length !== 32) throw new RangeError('the digest of a statement has 32 bytes');
  const bytes = Buffer.alloc(STATEMENT_BYTES);
  bytes[0] = statementCode(kind);
  bytes.writeBigUInt64BE(version, 1);
  bytes.set(digest, 9);
  return bytes;
}

/** Undefined when the bytes are no statement of a kind that the account signs. */
export function decodeStatement(body: Uint8Array): AccountStatement | undefined {
  if (body.length !== STATEMENT_BYTES) return undefined;
  const bytes = Buffer.from(body);
  const kind = statementKinds.find((one) => statementCode(one) === bytes[0]);
  if (kind === undefined || kind === 'payouts') return undefined;
  return { kind, version: bytes.readBigUInt64BE(1), digest: bytes.subarray(9) };
}

/** The pool in whose name a signer of this policy signs: its orchestrator, on its chain. */
export function identityOfPolicy(
  policy: Pick<SigningPolicy, 'chainId' | 'orchestrator'>,
): PoolIdentity {
  const pool = parseHex(policy.orchestrator);
  if (pool?.length !== 20) throw new RangeError('the policy names no orchestrator');
  return { pool, chainId: BigInt(policy.chainId) };
}

/** 65 bytes r, s, v over the EIP-712 digest of a statement, in the name of the policy's pool. */
export function signStatement(
  key: Uint8Array,
  policy: Pick<SigningPolicy, 'chainId' | 'orchestrator'>,
  statement: AccountStatement,
): Uint8Array {
  return signDigest(key, statementDigest(identityOfPolicy(policy), statement, keccak256));
}
