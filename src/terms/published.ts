import { type CanonicalValue, canonicalJson, digestOf } from '../proofs/canonical.ts';
import { parseTerms, type TermsFile as SignedTerms, writeFile } from '../proofs/files.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { Statement } from '../proofs/statement.ts';
import { documentSchema, type TermsDocument, type TermsFile } from './document.ts';
import { inWords, pathText } from './file.ts';
import { readTerms } from './read.ts';
import type { Terms } from './terms.ts';

/** Signatures under published terms, as terms/<version>.json holds them. */
export type TermsSignatures = Pick<SignedTerms, 'accountSignature' | 'key' | 'signature'>;

/** Published terms: how they were written, what they mean, and what was signed. */
export interface PublishedTerms {
  readonly document: TermsDocument;
  readonly terms: Terms;
  readonly signatures: TermsSignatures;
  readonly statement: Statement;
}

export type ReadPublished =
  | { readonly ok: true; readonly published: PublishedTerms }
  | { readonly ok: false; readonly text: string };

/** What a pool signs when it publishes terms. */
export function termsStatement(document: TermsDocument, hashing: ProofHashing): Statement {
  const digest = digestOf(canonical(document), hashing);
  return { kind: 'terms', version: BigInt(document.version), digest };
}

/** terms/<version>.json: canonical, so that every reader hashes the same. */
export function writePublished(document: TermsDocument, signatures: TermsSignatures): string {
  return writeFile({
    format: 'tributary-terms-1',
    version: document.version,
    terms: canonical(document),
    ...signatures,
  });
}

/**
 * Reads terms/<version>.json and everything in it. Says what is wrong in words; checks no signature,
 * since who may sign is for the reader to know.
 */
export function readPublished(text: string, hashing: ProofHashing): ReadPublished {
  const parsed = parseTerms(text);
  if (!parsed.ok) return parsed;
  const { terms: value, version, accountSignature, key, signature } = parsed.file;
  const decoded = documentSchema.safeParse(value);
  if (!decoded.success) {
    const [fault] = decoded.error.issues.flatMap((issue) => inWords(issue, value));
    return { ok: false, text: fault ? `${pathText(fault.path)} ${fault.text}` : 'not terms' };
  }
  const document = decoded.data;
  if (document.version !== version) {
    return { ok: false, text: `the file is version ${version}, its terms are ${document.version}` };
  }
  // What was signed is what was given: a key that this program knows and the file does not have
  // means its default, today as then.
  const statement: Statement = {
    kind: 'terms',
    version: BigInt(version),
    digest: digestOf(value, hashing),
  };
  const signatures = {
    ...(accountSignature === undefined ? {} : { accountSignature }),
    ...(key === undefined ? {} : { key }),
    ...(signature === undefined ? {} : { signature }),
  };
  try {
    const terms = readTerms(document);
    return { ok: true, published: { document, terms, signatures, statement } };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { ok: false, text: `the terms do not add up: ${error.message}` };
  }
}

/** Whether a terms file says what a published version says, whatever its number and start. */
export function saysTheSame(published: TermsDocument, file: TermsFile): boolean {
  const { version, 'starts-at-epoch': start } = published;
  const renewed = { ...file, version, 'starts-at-epoch': start };
  return canonicalJson(canonical(published)) === canonicalJson(canonical(renewed));
}

/** A document as canonical JSON takes it: keys without a value are not there. */
function canonical(document: TermsDocument): CanonicalValue {
  return JSON.parse(JSON.stringify(document)) as CanonicalValue;
}
