import { fromHex, toHex } from '../proofs/bytes.ts';
import { epochStatement, headDigest, identityOf } from '../proofs/epoch-proofs.ts';
import {
  type IndexFile,
  type Parsed,
  parseIndex,
  parseSignedEpoch,
  type SignedEpoch,
} from '../proofs/files.ts';
import { type Statement, statementBytes, statementSigner } from '../proofs/statement.ts';
import { readPublished } from '../terms/published.ts';
import { defaultTerms, type Terms } from '../terms/terms.ts';
import { type PublishedFiles, type VerifyFault, type VerifyParts, Wrong } from './verify-types.ts';

/** Reads a file that has to be there. Throws {@link Wrong}. */
export async function needFile<T>(
  files: PublishedFiles,
  path: string,
  parse: (text: string) => Parsed<T>,
  epoch?: bigint,
): Promise<T> {
  const text = await files.read(path);
  if (text === undefined) throw new Wrong('file_missing', `${path} is not there`, epoch);
  const parsed = parse(text);
  if (!parsed.ok) throw new Wrong('file_malformed', `${path}: ${parsed.text}`, epoch);
  return parsed.file;
}

/** The index with its keys, each endorsed by the pool's account where there is one. */
export async function readIndex(parts: VerifyParts): Promise<IndexFile> {
  const index = await needFile(parts.files, 'index.json', parseIndex);
  const [first] = index.epochs;
  if (first && first.epoch !== 1n) {
    throw new Wrong(
      'index_wrong',
      `the index begins with epoch ${first.epoch}, and not with the first`,
    );
  }
  if (index.chainId === 0n) return index;
  for (const { version, key, endorsement } of index.keys) {
    const digest = fromHex(key, 32) as Uint8Array;
    checkAccount(parts, index, { kind: 'receipt_key', version, digest }, endorsement, {
      fault: 'key_not_endorsed',
      what: `receipt key ${version}`,
    });
  }
  return index;
}

/** Throws {@link Wrong} unless the account that the index names signed the statement. */
function checkAccount(
  { keccak256, recover }: VerifyParts,
  index: IndexFile,
  statement: Statement,
  signature: string | undefined,
  { fault, what }: { readonly fault: VerifyFault; readonly what: string },
): void {
  const bytes = signature === undefined ? undefined : fromHex(signature, 65);
  const signer =
    bytes &&
    statementSigner(
      { identity: identityOf(index), statement, signature: bytes },
      { keccak256, recover },
    );
  if (index.account !== undefined && signer && `0x${toHex(signer)}` === index.account) return;
  throw new Wrong(fault, `${what} is not signed by the account of the pool`);
}

/** Throws {@link Wrong} unless a key of the index signed the statement. */
function checkKey(
  { verifyEd25519 }: VerifyParts,
  index: IndexFile,
  statement: Statement,
  signed: { readonly key: string | undefined; readonly signature: string | undefined },
  wrong: (why: string) => Wrong,
): void {
  const { key, signature } = signed;
  if (key === undefined || signature === undefined) throw wrong('is not signed');
  if (!index.keys.some((known) => known.key === key)) {
    throw wrong('is signed by a key that the index does not name');
  }
  const message = statementBytes(identityOf(index), statement);
  const bytes = [fromHex(key, 32), fromHex(signature, 64)] as const;
  if (!bytes[0] || !bytes[1] || !verifyEd25519(bytes[0], message, bytes[1])) {
    throw wrong('has a wrong signature');
  }
}

/** The head of an epoch: the one that the index names, signed, and after the one before. */
export async function readHead(
  parts: VerifyParts,
  index: IndexFile,
  { epoch, digest }: IndexFile['epochs'][number],
  before: SignedEpoch['head'] | undefined,
): Promise<SignedEpoch['head']> {
  const { hashing, files } = parts;
  const path = `epoch-${epoch}/epoch.json`;
  const signed = await needFile(files, path, parseSignedEpoch, epoch);
  const { head } = signed;
  if (head.epoch !== epoch || head.pool !== index.pool || head.chainId !== index.chainId) {
    throw new Wrong('epoch_chain_broken', `${path} is of another epoch or pool`, epoch);
  }
  const statement = epochStatement(head, hashing);
  checkKey(parts, index, statement, signed, (why) => {
    return new Wrong('epoch_signature_wrong', `the record of the epoch ${why}`, epoch);
  });
  if (headDigest(head, hashing) !== digest) {
    const text = 'the index names another record of the epoch than the published one';
    throw new Wrong('epoch_chain_broken', text, epoch);
  }
  const previous = before ? headDigest(before, hashing) : '0'.repeat(64);
  if (head.previous !== previous) {
    const text = 'the record does not name the record of the epoch before as it is published';
    throw new Wrong('epoch_chain_broken', text, epoch);
  }
  if (before && head.opensAt !== before.closesAt) {
    throw new Wrong(
      'epoch_chain_broken',
      'the epoch does not begin where the last one ended',
      epoch,
    );
  }
  return head;
}

/** The terms that a head names, signed by the pool. */
export async function readTerms(
  parts: VerifyParts,
  index: IndexFile,
  { epoch, terms: { version, digest } }: Pick<SignedEpoch['head'], 'epoch' | 'terms'>,
): Promise<Terms> {
  // What every pool begins with, before its operator has published anything.
  if (version === 0) return { ...defaultTerms, version: 0 };
  const path = `terms/${version}.json`;
  const wrong = (text: string) => new Wrong('terms_differ', `${path} ${text}`, epoch);
  const text = await parts.files.read(path);
  if (text === undefined) throw new Wrong('file_missing', `${path} is not there`, epoch);
  const read = readPublished(text, parts.hashing);
  if (!read.ok) throw new Wrong('file_malformed', `${path}: ${read.text}`, epoch);
  const { terms, statement, signatures } = read.published;
  if (terms.version !== version || toHex(statement.digest) !== digest) {
    throw wrong('holds other terms than the epoch was settled by');
  }
  const { accountSignature, key, signature } = signatures;
  if (index.chainId === 0n) checkKey(parts, index, statement, { key, signature }, wrong);
  else {
    const what = { fault: 'terms_differ', what: path } as const;
    checkAccount(parts, index, statement, accountSignature, what);
  }
  return terms;
}
