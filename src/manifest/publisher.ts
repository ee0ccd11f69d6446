import type { Clock } from '../base/clock.ts';
import { type CanonicalValue, canonicalJson } from '../proofs/canonical.ts';
import type { ProofHashing } from '../proofs/hashing.ts';
import type { Statement } from '../proofs/statement.ts';
import type { Manifest, ManifestSignatures } from './manifest.ts';
import { manifestStatement, manifestValue, writeManifest } from './signed.ts';

const DAY_MS = 86_400_000;
/** Long enough that a pool which is down for a weekend is not taken for another one. */
const LIFE_MS = 7 * DAY_MS;
/** A manifest that somebody keeps has six days left at least. */
const RENEWED_AFTER_MS = DAY_MS;

/** Everything in a manifest but when it was signed. */
export type ManifestFacts = Omit<Manifest, 'format' | 'issuedAt' | 'expiresAt'>;

/** The manifest of this pool. */
export interface ManifestPublisher {
  /** The file as it is served: signed anew when anything in it changed, or after a day. */
  current(): Promise<string>;
}

/** What is at hand of a signed manifest. */
interface Kept {
  readonly facts: string;
  readonly issuedAt: number;
  readonly text: string;
}

/** Signs what the pool is and promises at this moment; each text is signed once. */
export function createManifestPublisher(parts: {
  readonly clock: Clock;
  readonly hashing: ProofHashing;
  facts(): Promise<ManifestFacts>;
  /** By the node account, or off chain by the receipt key. */
  sign(statement: Statement): Promise<ManifestSignatures>;
}): ManifestPublisher {
  const { clock, hashing } = parts;
  let kept: Kept | undefined;
  let running: Promise<string> | undefined;

  async function make(): Promise<string> {
    const facts = await parts.facts();
    const text = canonicalJson(JSON.parse(JSON.stringify(facts)) as CanonicalValue);
    const now = clock.now();
    if (kept?.facts === text && now - kept.issuedAt < RENEWED_AFTER_MS) return kept.text;
    // Two in one millisecond would have one version.
    const issuedAt = Math.max(now, (kept?.issuedAt ?? 0) + 1);
    const value = manifestValue({
      ...facts,
      format: 'livepeer-pool-1',
      issuedAt: new Date(issuedAt).toISOString(),
      expiresAt: new Date(issuedAt + LIFE_MS).toISOString(),
    });
    const signatures = await parts.sign(manifestStatement(value, hashing));
    kept = { facts: text, issuedAt, text: writeManifest(value, signatures) };
    return kept.text;
  }

  return {
    current() {
      running ??= make().finally(() => {
        running = undefined;
      });
      return running;
    },
  };
}
