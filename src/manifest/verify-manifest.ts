import { fromHex, toHex } from '../proofs/bytes.ts';
import { identityOf } from '../proofs/epoch-proofs.ts';
import { statementBytes, statementSigner } from '../proofs/statement.ts';
import { readTerms } from '../terms/read.ts';
import type { Terms } from '../terms/terms.ts';
import { type TermsTools, verifyTerms } from '../terms/verify-terms.ts';
import type { Manifest } from './manifest.ts';
import { type ReadManifest, readManifest } from './signed.ts';

/** Clocks of honest machines differ by less. */
const AHEAD_MS_MAX = 5 * 60_000;
const ZERO = '0x0000000000000000000000000000000000000000';

/** What can be wrong with a manifest, in the order in which it is looked for. */
export const manifestFaults = [
  'unreadable',
  'expired',
  'not_yet',
  'elsewhere',
  'other_pool',
  'unsigned',
  'signature_wrong',
  'terms_changed',
  'terms_unreadable',
  'terms_differ',
] as const;
export type ManifestFault = (typeof manifestFaults)[number];

export type ManifestVerdict =
  | {
      readonly ok: true;
      readonly manifest: Manifest;
      readonly terms: Terms;
      /** `account 0x…` or `receipt key …`. */
      readonly signedBy: string;
    }
  | { readonly ok: false; readonly fault: ManifestFault; readonly text: string };

/** What is looked at, and what its reader knows already. */
export interface ManifestCheck {
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Where it was found; a copy of somebody else's is no manifest of this place. */
  readonly at?: URL;
  /** The address that the reader knows the pool by, in lower case. */
  readonly pool?: string | undefined;
}

/**
 * Is this what the pool says of itself, now and here, in its own name? Says in words, without a full
 * stop, what is wrong. Who the orchestrator is on the chain is another question.
 */
export function verifyManifest(check: ManifestCheck, tools: TermsTools): ManifestVerdict {
  const wrong = (fault: ManifestFault, text: string) => ({ ok: false, fault, text }) as const;
  const decoded = readManifest(check.text, tools.hashing);
  if (!decoded.ok) return wrong('unreadable', `the manifest cannot be read: ${decoded.text}`);
  const { read } = decoded;
  const { manifest, termsDigest } = read;
  const { pool, terms, issuedAt, expiresAt } = manifest;
  if (Date.parse(expiresAt) <= check.now) {
    return wrong(
      'expired',
      `the manifest expired at ${expiresAt}, and the pool has not renewed it`,
    );
  }
  if (Date.parse(issuedAt) > check.now + AHEAD_MS_MAX) {
    return wrong('not_yet', `the manifest is dated ${issuedAt}, which is in the future`);
  }
  if (check.at && new URL(pool.url).origin !== check.at.origin) {
    const text = `the manifest is that of ${pool.url}, and was found at ${check.at.origin}`;
    return wrong('elsewhere', text);
  }
  const named = pool.orchestrator ?? ZERO;
  if (check.pool !== undefined && check.pool !== named) {
    return wrong('other_pool', `the manifest is that of ${named}, not of ${check.pool}`);
  }
  if ((pool.orchestrator === undefined) !== (pool.chainId === '0')) {
    return wrong(
      'unreadable',
      'the manifest names a chain without an orchestrator, or the reverse',
    );
  }
  const signed = signatureFault(read, tools);
  if (signed) return wrong(signed.fault, signed.text);
  if (toHex(termsDigest) !== terms.digest || terms.version !== terms.document.version) {
    const text = 'the terms in the manifest are not those whose digest and version it names';
    return wrong('terms_changed', text);
  }
  try {
    const { key } = read.signatures;
    const signedBy =
      pool.chainId === '0' ? `receipt key ${key}` : `account ${pool.account ?? pool.orchestrator}`;
    return { ok: true, manifest, terms: readTerms(terms.document), signedBy };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return wrong('terms_unreadable', `the terms in the manifest do not add up: ${error.message}`);
  }
}

function signatureFault(
  { manifest: { pool }, signatures, statement }: ReadManifest,
  { keccak256, recover, verifyEd25519 }: TermsTools,
): { readonly fault: ManifestFault; readonly text: string } | undefined {
  const identity = identityOf({
    pool: pool.orchestrator ?? ZERO,
    chainId: BigInt(pool.chainId),
  });
  const changed = 'the manifest was changed, or somebody else signed it';
  if (pool.chainId === '0') {
    const [key, signature] = [
      fromHex(signatures.key ?? '', 32),
      fromHex(signatures.signature ?? '', 64),
    ];
    if (!key || !signature) return { fault: 'unsigned', text: 'no key has signed the manifest' };
    if (verifyEd25519(key, statementBytes(identity, statement), signature)) return undefined;
    return { fault: 'signature_wrong', text: `the signature does not fit: ${changed}` };
  }
  const signature = fromHex(signatures.accountSignature ?? '', 65);
  if (!signature) return { fault: 'unsigned', text: 'no account has signed the manifest' };
  const expected = pool.account ?? pool.orchestrator;
  const signer = statementSigner({ identity, statement, signature }, { keccak256, recover });
  if (signer && `0x${toHex(signer)}` === expected) return undefined;
  return { fault: 'signature_wrong', text: `the signature is not that of ${expected}: ${changed}` };
}

/**
 * Are the terms of a manifest those that the pool publishes with its proofs? Undefined: yes, or there
 * is nothing to compare with yet.
 *
 * @param published terms/<version>.json and index.json; undefined: not there
 */
export function termsDifference(
  { terms, pool }: Manifest,
  published: { readonly terms: string | undefined; readonly index: string | undefined },
  tools: TermsTools,
): { readonly fault: ManifestFault; readonly text: string } | undefined {
  if (published.index === undefined || published.terms === undefined) return undefined;
  const verified = verifyTerms(
    { terms: published.terms, index: published.index, pool: pool.orchestrator ?? ZERO },
    tools,
  );
  const file = `the published terms, version ${terms.version},`;
  if (!verified.ok)
    return { fault: 'terms_differ', text: `${file} do not verify: ${verified.text}` };
  if (toHex(verified.published.statement.digest) === terms.digest) return undefined;
  return { fault: 'terms_differ', text: `${file} are not the terms of the manifest` };
}
