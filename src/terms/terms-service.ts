import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Transaction } from '../database/transaction.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { Statement } from '../proofs/statement.ts';
import type { TermsDocument, TermsFile } from './document.ts';
import { faultText, readTermsFile } from './file.ts';
import {
  readPublished,
  saysTheSame,
  type TermsSignatures,
  termsStatement,
  writePublished,
} from './published.ts';
import {
  addTerms,
  epochNow,
  lockTerms,
  type TermsVersion,
  termsFile,
  termsVersions,
  versionForEpoch,
} from './store.ts';
import { defaultTerms, type Terms } from './terms.ts';

/** What the service stands on. */
export interface TermsParts {
  readonly database: Database;
  readonly hashing: ProofHashing;
  readonly clock: Clock;
  /** By the node account and, where there is none or besides, by the receipt key. */
  sign(statement: Statement): Promise<TermsSignatures>;
}

/** The terms of this pool: all versions, and which of them settles which epoch. */
export interface TermsService {
  /** Version 0 is what holds where none were published: {@link defaultTerms}. Throws `terms_unknown`. */
  of(version: number): Promise<Terms>;
  /** Which version settles an epoch that opens now. */
  versionFor(epoch: bigint): Promise<number>;
  /** Every version, oldest first, and the one of the open epoch. */
  list(): Promise<{
    readonly openEpoch: bigint;
    readonly current: number;
    readonly versions: readonly TermsVersion[];
  }>;
  /** terms/<version>.json as it is published. Throws `terms_unknown`. */
  file(version: number): Promise<string>;
  /**
   * Checks, signs and stores a terms file; it settles epochs from `startsAt` on, all of which are yet
   * to begin. Throws `terms_invalid` with every fault, `terms_late`, or `terms_unchanged` where those
   * epochs are settled by the same terms as it is.
   */
  publish(source: string, startsAt: bigint | 'next'): Promise<TermsVersion>;
}

/** Starts epochs at most this far ahead: more is a slip of the hand. */
const EPOCHS_AHEAD_MAX = 10_000n;

/** Terms in the table of migration 0014. */
export function createTermsService(parts: TermsParts): TermsService {
  const { database, hashing, clock } = parts;
  // Published terms never change, so what was read once holds.
  const known = new Map<number, Terms>();

  /** Throws `terms_unchanged` where each epoch from the start on has these very terms as it is. */
  async function checkChange(
    tx: Transaction,
    wish: {
      readonly file: TermsFile;
      readonly startsAtEpoch: bigint;
      readonly openEpoch: bigint;
      readonly versions: readonly TermsVersion[];
    },
  ): Promise<void> {
    const settling = versionsFrom(wish.startsAtEpoch, wish.versions);
    const [first] = settling;
    if (!first) return;
    for (const { version } of settling) {
      const read = readPublished((await termsFile(tx, version)) ?? '', hashing);
      if (!read.ok || !saysTheSame(read.published.document, wish.file)) return;
    }
    throw new TributaryError('terms_unchanged', unchanged(first, wish.openEpoch));
  }

  async function file(version: number): Promise<string> {
    const text = await termsFile(database, version);
    if (text === undefined) {
      throw new TributaryError('terms_unknown', `There is no version ${version} of the terms.`);
    }
    return text;
  }

  return {
    file,
    versionFor: (epoch) => versionForEpoch(database, epoch),
    async of(version) {
      if (version === 0) return { ...defaultTerms, version: 0 };
      const found = known.get(version);
      if (found) return found;
      const read = readPublished(await file(version), hashing);
      if (!read.ok) {
        throw new TributaryError('internal', `stored terms cannot be read: ${read.text}`);
      }
      known.set(version, read.published.terms);
      return read.published.terms;
    },
    async list() {
      const [epoch, versions] = await Promise.all([epochNow(database), termsVersions(database)]);
      return { openEpoch: epoch.number, current: epoch.termsVersion, versions };
    },
    publish(source, startsAt) {
      const read = readTermsFile(source);
      if (!read.ok) {
        const faults = read.faults.map(faultText);
        throw new TributaryError('terms_invalid', `The terms do not add up:\n${faults.join('\n')}`);
      }
      return database.transact(async (tx) => {
        await lockTerms(tx);
        const [{ number }, versions] = [await epochNow(tx), await termsVersions(tx)];
        const startsAtEpoch = startsAt === 'next' ? number + 1n : startsAt;
        checkStart(startsAtEpoch, number);
        await checkChange(tx, { file: read.file, startsAtEpoch, openEpoch: number, versions });
        const document: TermsDocument = {
          ...read.file,
          version: (versions.at(-1)?.version ?? 0) + 1,
          'starts-at-epoch': Number(startsAtEpoch),
        };
        const statement = termsStatement(document, hashing);
        const published: TermsVersion = {
          version: document.version,
          startsAtEpoch,
          publishedAt: clock.now(),
          digest: statement.digest,
        };
        const text = writePublished(document, await parts.sign(statement));
        await addTerms(tx, { ...published, file: text });
        return published;
      });
    },
  };
}

/**
 * The versions that settle the epochs from one on, in the order of those; empty where the default
 * terms settle some of them.
 */
function versionsFrom(epoch: bigint, versions: readonly TermsVersion[]): readonly TermsVersion[] {
  const newestAt = (at: bigint) => versions.findLast(({ startsAtEpoch }) => startsAtEpoch <= at);
  const first = newestAt(epoch);
  if (!first) return [];
  const starts = versions.map(({ startsAtEpoch }) => startsAtEpoch).filter((at) => at > epoch);
  const later = starts.map(newestAt).filter((version) => version !== undefined);
  return [...new Set([first, ...later])];
}

function unchanged({ version, startsAtEpoch }: TermsVersion, openEpoch: bigint): string {
  const since =
    startsAtEpoch <= openEpoch
      ? `has settled epochs since epoch ${startsAtEpoch}`
      : `settles epochs from ${startsAtEpoch} on`;
  return `Nothing changed: version ${version} has the same terms and ${since}.`;
}

function checkStart(startsAt: bigint, open: bigint): void {
  if (startsAt <= open) {
    const message = `Epoch ${startsAt} has begun (${open} is open): it keeps the terms that it has.`;
    throw new TributaryError('terms_late', message);
  }
  if (startsAt > open + EPOCHS_AHEAD_MAX) {
    throw new TributaryError('terms_invalid', `Epoch ${startsAt} is too far ahead of ${open}.`);
  }
}
