import { toHex } from '../proofs/bytes.ts';
import { type IndexFile, parseIndex } from '../proofs/files.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { VerifyEd25519 } from '../proofs/signatures.ts';
import {
  type Keccak256,
  type PoolIdentity,
  type RecoverAddress,
  statementBytes,
  statementSigner,
} from '../proofs/statement.ts';
import { type PublishedTerms, readPublished } from './published.ts';

/** What checking needs from where it runs. */
export interface TermsTools {
  readonly hashing: ProofHashing;
  readonly keccak256: Keccak256;
  readonly recover: RecoverAddress;
  readonly verifyEd25519: VerifyEd25519;
}

export type VerifiedTerms =
  | { readonly ok: true; readonly published: PublishedTerms; readonly signedBy: string }
  | { readonly ok: false; readonly text: string };

/**
 * Are these the terms of the pool that the index names? On chain its account must have signed them,
 * off chain one of its receipt keys. Says in words what is wrong.
 *
 * @param pool the address that the reader knows the pool by, 0x and 40 hex digits in lower case;
 *   without it the index is believed
 */
export function verifyTerms(
  given: { readonly terms: string; readonly index: string; readonly pool?: string | undefined },
  tools: TermsTools,
): VerifiedTerms {
  const index = parseIndex(given.index);
  if (!index.ok) return { ok: false, text: `the index cannot be read: ${index.text}` };
  const read = readPublished(given.terms, tools.hashing);
  if (!read.ok) return { ok: false, text: read.text };
  const { file } = index;
  if (given.pool !== undefined && given.pool !== file.pool) {
    return { ok: false, text: `the index is that of ${file.pool}, not of ${given.pool}` };
  }
  const identity = { pool: bytesOf(file.pool.slice(2)), chainId: file.chainId };
  const { published } = read;
  const fault =
    file.chainId === 0n
      ? keyFault(published, file, identity, tools)
      : accountFault(published, file, identity, tools);
  if (fault !== undefined) return { ok: false, text: fault };
  const signedBy =
    file.chainId === 0n
      ? `receipt key ${published.signatures.key}`
      : `account ${file.account ?? file.pool}`;
  return { ok: true, published, signedBy };
}

function accountFault(
  { signatures, statement }: PublishedTerms,
  file: IndexFile,
  identity: PoolIdentity,
  { keccak256, recover }: TermsTools,
): string | undefined {
  const { accountSignature } = signatures;
  if (accountSignature === undefined) return 'the account of the pool has not signed these terms';
  const signature = bytesOf(accountSignature);
  const signer = statementSigner({ identity, statement, signature }, { keccak256, recover });
  const expected = file.account ?? file.pool;
  if (signer && `0x${toHex(signer)}` === expected) return undefined;
  return `the signature is not that of ${expected}: the terms were changed, or somebody else signed`;
}

function keyFault(
  { signatures, statement }: PublishedTerms,
  file: IndexFile,
  identity: PoolIdentity,
  { verifyEd25519 }: TermsTools,
): string | undefined {
  const { key, signature } = signatures;
  if (key === undefined || signature === undefined) return 'no key has signed these terms';
  if (!file.keys.some((known) => known.key === key)) {
    return 'the key that signed is none of the pool';
  }
  const isSigned = verifyEd25519(
    bytesOf(key),
    statementBytes(identity, statement),
    bytesOf(signature),
  );
  return isSigned ? undefined : 'the signature does not fit: the terms were changed';
}

/** The hex digits were checked by the parser of the file. */
function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
}
