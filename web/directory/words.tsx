import type { ListedPool } from '../../src/api/directory-views.ts';
import type { TermsDocument } from '../../src/terms/document.ts';
import { readTerms } from '../../src/terms/read.ts';
import type { Terms } from '../../src/terms/terms.ts';
import type { Tone } from '../parts/state.tsx';

/** How a pool stands: in words first. */
export const standings: Readonly<
  Record<
    ListedPool['standing'],
    { readonly tone: Tone; readonly label: string; readonly text: string }
  >
> = {
  verified: {
    tone: 'good',
    label: 'Verified',
    text: 'Everything that can be checked holds, and the chain says who it is.',
  },
  signed: {
    tone: 'plain',
    label: 'Signed',
    text: 'Nothing that can be checked fails; who it is, only its own signature says.',
  },
  failing: {
    tone: 'wrong',
    label: 'Something fails',
    text: 'What the pool says and what was found do not agree.',
  },
  unreachable: {
    tone: 'attention',
    label: 'Not answering',
    text: 'No manifest could be read in the last look; below stands what was there before.',
  },
  refused: {
    tone: 'wrong',
    label: 'Refused',
    text: 'What was found is not taken; if there was something before, it stands below.',
  },
  new: {
    tone: 'muted',
    label: 'Not looked at yet',
    text: 'This directory has just been told of it.',
  },
};

/** The order of the list: what a reader can rely on comes first. */
export const standingOrder = Object.keys(standings) as readonly ListedPool['standing'][];

/** The name that the pool has signed; its address where it has not. */
export function nameOf({ says, url }: ListedPool): string {
  return says?.name ?? hostOf(url);
}

export function hostOf(url: string): string {
  return url.replace(/^https?:\/\//, '');
}

/** The terms as the rule reads them; undefined where a pool has signed none. */
export function termsOf({ says }: ListedPool): Terms | undefined {
  // They went through the same schema when the manifest was taken.
  return says ? readTerms(says.terms.document as unknown as TermsDocument) : undefined;
}

/** `99.4 %`; in words where nothing was measured. Never rounded up to all. */
export function shareText(share: number | null): string {
  if (share === null) return 'not measured yet';
  if (share === 1) return '100\u00a0%';
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)}\u00a0%`;
}

const CHAINS: Readonly<Record<string, string>> = {
  '42161': 'Arbitrum One',
  '421614': 'Arbitrum Sepolia',
  '31337': 'a local test chain (31337)',
};

/** A chain by the name that people know it by. */
export function chainText(chainId: string): string {
  return CHAINS[chainId] ?? `chain ${chainId}`;
}

/** Parts per million as a percentage. */
export function ppmText(ppm: string): string {
  return `${Number(ppm) / 10_000}\u00a0%`;
}

/** The first thing that fails, or what the standing means. */
export function reasonOf({ checks, standing }: ListedPool): string {
  return checks.find(({ result }) => result === 'fails')?.text ?? standings[standing].text;
}
