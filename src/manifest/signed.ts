import {
  type CanonicalValue,
  canonicalJson,
  digestOf,
  parseCanonicalJson,
} from '../proofs/canonical.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { Statement } from '../proofs/statement.ts';
import {
  MANIFEST_CHARACTERS_MAX,
  type Manifest,
  type ManifestSignatures,
  signedSchema,
} from './manifest.ts';

/** A manifest that reads, with what was signed. */
export interface ReadManifest {
  readonly manifest: Manifest;
  readonly signatures: ManifestSignatures;
  readonly statement: Statement;
  /** SHA-256 of the terms as they stand in the file, whatever the file says it is. */
  readonly termsDigest: Uint8Array;
}

/** What a pool signs: the digest of the manifest, in the version of its moment. */
export function manifestStatement(value: CanonicalValue, hashing: ProofHashing): Statement {
  const { issuedAt } = value as { readonly issuedAt: string };
  return {
    kind: 'manifest',
    version: BigInt(Date.parse(issuedAt)),
    digest: digestOf(value, hashing),
  };
}

/** The value that is hashed: members without a value are not there. */
export function manifestValue(manifest: Manifest): CanonicalValue {
  return JSON.parse(JSON.stringify(manifest)) as CanonicalValue;
}

/** The file as it is served. */
export function writeManifest(value: CanonicalValue, signatures: ManifestSignatures): string {
  return canonicalJson({ manifest: value, ...(signatures as Record<string, string>) });
}

/** Reads the file and everything in it; who may sign is for {@link verifyManifest} to say. */
export function readManifest(
  text: string,
  hashing: ProofHashing,
):
  | { readonly ok: true; readonly read: ReadManifest }
  | { readonly ok: false; readonly text: string } {
  if (text.length > MANIFEST_CHARACTERS_MAX) {
    return { ok: false, text: `it is longer than ${MANIFEST_CHARACTERS_MAX} characters` };
  }
  const value = parseCanonicalJson(text, MANIFEST_CHARACTERS_MAX);
  if (value === undefined) return { ok: false, text: 'it is not canonical JSON' };
  const decoded = signedSchema.safeParse(value);
  if (!decoded.success) {
    const [issue] = decoded.error.issues;
    const place = issue?.path.map(String).join('.') ?? '';
    return { ok: false, text: `${place || 'the file'} is not as a manifest has it` };
  }
  const { manifest, ...signatures } = decoded.data;
  const raw = value as {
    readonly manifest: CanonicalValue & { readonly terms: { readonly document: CanonicalValue } };
  };
  return {
    ok: true,
    read: {
      manifest,
      signatures,
      statement: manifestStatement(raw.manifest, hashing),
      // A key that this program does not know would have failed above; one with a default may be missing.
      termsDigest: digestOf(raw.manifest.terms.document, hashing),
    },
  };
}
