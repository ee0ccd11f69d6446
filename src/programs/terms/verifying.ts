import { openPublished } from '../../api/published-files.ts';
import { systemClock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { keccak256 } from '../../base/keccak.ts';
import { exitCode, type Io } from '../../base/terminal.ts';
import { MANIFEST_CHARACTERS_MAX, type Manifest, manifestUrl } from '../../manifest/manifest.ts';
import { termsDifference, verifyManifest } from '../../manifest/verify-manifest.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { nodeVerifyEd25519 } from '../../proofs/node-signatures.ts';
import { parseAddress, recover } from '../../protocol/signature.ts';
import { verifyTerms } from '../../terms/verify-terms.ts';
import { fetchPublished } from './client.ts';
import { verifyTermsCommand } from './settings.ts';

const tools = { hashing: nodeHashing, keccak256, recover, verifyEd25519: nodeVerifyEd25519 };
/** UTF-8 takes up to three bytes for a UTF-16 unit. */
const MANIFEST_BYTES_MAX = 3 * MANIFEST_CHARACTERS_MAX;

/** What came out, for the line and for programs. */
type Outcome =
  | {
      readonly ok: true;
      readonly version: number;
      readonly name: string;
      readonly startsAt: bigint;
      readonly signedBy: string;
      /** Of a manifest: until when it holds, and what could not be compared. */
      readonly manifest?: { readonly expiresAt: string; readonly note: string | undefined };
    }
  | { readonly ok: false; readonly text: string };

/** `tributary terms verify`: 0 when the pool has signed these terms, else 1 and why. */
export async function verify(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(verifyTermsCommand, args, io);
  if (!settings) return exitCode.ok;
  const { source, pool, json } = settings.values;
  if (pool !== undefined && !parseAddress(pool)) {
    throw new TributaryError('setting_invalid', `--pool cannot be ${pool}: it is no address.`);
  }
  const known = pool?.toLowerCase();
  const manifest = /\/terms\/[^/]+\.json$/.test(source) ? undefined : manifestUrl(source);
  const outcome = manifest ? await verifyAt(manifest, known) : await verifyFile(source, known);
  if (json) io.stdout.write(`${jsonOf(outcome)}\n`);
  else if (outcome.ok) io.stdout.write(`${viewOf(outcome)}\n`);
  else io.stderr.write(`Not verified: ${outcome.text}.\n`);
  return outcome.ok ? exitCode.ok : exitCode.failed;
}

async function verifyFile(source: string, pool: string | undefined): Promise<Outcome> {
  const verified = verifyTerms({ ...(await fetchPublished(source)), pool }, tools);
  if (!verified.ok) return verified;
  const { version, 'starts-at-epoch': start, name } = verified.published.document;
  return { ok: true, version, name, startsAt: BigInt(start), signedBy: verified.signedBy };
}

/** The manifest, and whether its terms are those beside the proofs. */
async function verifyAt(at: URL, pool: string | undefined): Promise<Outcome> {
  const text = await openPublished(new URL('.', at).href, MANIFEST_BYTES_MAX).read(
    `${at.pathname.split('/').at(-1)}${at.search}`,
  );
  if (text === undefined) {
    throw new TributaryError('input_missing', `There is no manifest at ${at.href}.`);
  }
  const verdict = verifyManifest({ text, now: systemClock.now(), at, pool }, tools);
  if (!verdict.ok) return verdict;
  const { manifest, terms, signedBy } = verdict;
  const compared = await compare(manifest);
  if (compared.fault) return { ok: false, text: compared.fault };
  return {
    ok: true,
    version: terms.version,
    name: terms.name,
    startsAt: terms.startsAtEpoch,
    signedBy,
    manifest: { expiresAt: manifest.expiresAt, note: compared.note },
  };
}

async function compare(
  manifest: Manifest,
): Promise<{ readonly fault?: string; readonly note: string | undefined }> {
  const { version } = manifest.terms;
  if (version === 0)
    return { note: 'The pool has published no terms: these are the default ones.' };
  const files = openPublished(manifest.proofs.url, MANIFEST_BYTES_MAX);
  const [terms, index] = await Promise.all([
    files.read(`terms/${version}.json`),
    files.read('index.json'),
  ]);
  const difference = termsDifference(manifest, { terms, index }, tools);
  if (difference) return { fault: difference.text, note: undefined };
  const isThere = terms !== undefined && index !== undefined;
  return {
    note: isThere ? undefined : 'No epoch was settled by them yet: nothing to compare with.',
  };
}

function viewOf({ version, name, startsAt, signedBy, manifest }: Outcome & { ok: true }): string {
  const line = `OK: version ${version} of the terms of "${name}", from epoch ${startsAt} on, signed by ${signedBy}`;
  if (!manifest) return line;
  const until = `The manifest holds until ${manifest.expiresAt}.`;
  return [line, [until, manifest.note].filter((text) => text !== undefined).join(' ')].join('\n');
}

function jsonOf(outcome: Outcome): string {
  if (!outcome.ok) return JSON.stringify(outcome);
  const { ok, version, signedBy, manifest } = outcome;
  return JSON.stringify({ ok, version, signedBy, ...(manifest ?? {}) });
}
