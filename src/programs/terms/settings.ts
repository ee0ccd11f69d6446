import { defineCommand } from '../../base/command.ts';
import { integer, path, read, text } from '../../base/setting-types.ts';
import { jsonSetting as json, runningPoolSettings as pool } from '../../base/standard-settings.ts';

const file = {
  type: path('FILE'),
  doc: 'The terms, a TOML file as `tributary terms init` writes it.',
  required: true,
  positional: 'only',
} as const;

/** Epochs are counted in a database column of 63 bits; JSON keeps 53 of them exactly. */
const startsAt = {
  schema: read((given) => {
    if (given === 'next') return 'next' as const;
    return /^\d{1,15}$/.test(String(given)) ? Number(given) : undefined;
  }),
  placeholder: 'N|next',
  allowed: 'the number of an epoch that has not begun, or next',
} as const;

/** `tributary terms init`. */
export const initCommand = defineCommand({
  name: 'terms init',
  summary: 'Write a commented file of terms to start from.',
  settings: {
    output: {
      type: path('FILE'),
      doc: 'Where to write it; a file that is there already is left alone.',
      defaultText: 'standard output',
    },
  },
  examples: ['tributary terms init --output terms.toml'],
});

/** `tributary terms check`. */
export const checkCommand = defineCommand({
  name: 'terms check',
  summary: 'Find every mistake in a file of terms, and show what it means in numbers.',
  settings: { file, json },
  examples: ['tributary terms check terms.toml'],
});

/** `tributary terms publish`. */
export const publishCommand = defineCommand({
  name: 'terms publish',
  summary: 'Sign terms and publish them; they settle epochs that have not begun.',
  settings: {
    file,
    startsAtEpoch: {
      type: startsAt,
      doc: 'The first epoch that they settle; those before keep theirs.',
      required: true,
    },
    json,
    ...pool,
  },
  examples: ['tributary terms publish terms.toml --starts-at-epoch next --data-dir ~/pool'],
});

/** `tributary terms show`. */
export const showTermsCommand = defineCommand({
  name: 'terms show',
  summary: 'Show the terms of the running pool, and which versions there were.',
  settings: {
    version: {
      type: integer({ min: 1, max: 1_000_000 }),
      doc: 'Which version.',
      defaultText: 'the one that settles the open epoch',
    },
    json,
    ...pool,
  },
});

/** `tributary terms verify`. */
export const verifyTermsCommand = defineCommand({
  name: 'terms verify',
  summary: 'Check the signature under published terms or a manifest, and the terms themselves.',
  settings: {
    source: {
      type: text('URL|FILE'),
      doc: 'A pool by its address or that of its manifest, or where published terms are: terms/VERSION.json.',
      required: true,
      positional: 'only',
    },
    pool: {
      type: text('0x…'),
      doc: 'The account of the pool that must have signed.',
      defaultText: 'the one that the manifest, or the index beside the terms, names',
    },
    json,
  },
  examples: [
    'tributary terms verify https://pool.example',
    'tributary terms verify https://pool.example/proofs/terms/3.json',
  ],
});
