import { z } from 'zod';
import { hex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import type { TermsVersion } from '../terms/store.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { demandConsequence } from './consequence.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, moment } from './shapes.ts';

/** What the routes of terms stand on. */
export interface TermsRoutesParts {
  readonly terms: Pick<TermsService, 'list' | 'file' | 'publish'>;
}

const versionView = z.object({
  version: z.int(),
  startsAtEpoch: decimal,
  publishedAt: moment,
  digest: z.string().describe('SHA-256 of the canonical terms: what was signed.'),
});

export const termsApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/terms',
    access: 'public',
    summary: 'Every version of the terms, oldest first, and which settles the open epoch.',
    reply: z.object({
      openEpoch: decimal,
      current: z.int().describe('0: none were published, and the default ones hold.'),
      versions: z.array(versionView),
    }),
  }),
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/terms/{version}',
    access: 'public',
    summary: 'One version as it is published: canonical JSON with its signatures.',
    reply: z.object({ file: z.string() }),
  }),
  publish: defineRoute({
    method: 'POST',
    path: '/api/v1/terms',
    access: 'owner',
    summary: 'Check, sign and publish terms for epochs that are yet to begin.',
    body: z.object({
      file: z.unknown().optional(),
      startsAtEpoch: z.unknown().optional(),
      confirm: z.string().max(300).optional(),
    }),
    reply: versionView,
    status: 201,
  }),
} as const;

/** `/api/v1/terms`: list, read and publish the terms of the pool. */
export function termsRoutes({ terms }: TermsRoutesParts): readonly Route[] {
  return [
    serve(termsApi.list, async () => {
      const { openEpoch, current, versions } = await terms.list();
      return { openEpoch, current, versions: versions.map(view) };
    }),
    serve(termsApi.read, async ({ params: { version } }) => {
      if (!/^[1-9]\d{0,8}$/.test(version)) {
        throw new TributaryError('terms_unknown', 'A version is a number from 1.');
      }
      return { file: await terms.file(Number(version)) };
    }),
    serve(termsApi.publish, async ({ body: { file, startsAtEpoch, confirm }, actor, note }) => {
      if (typeof file !== 'string') {
        throw new TributaryError('setting_invalid', '"file" must be the text of a terms file');
      }
      const next = ((await terms.list()).versions.at(-1)?.version ?? 0) + 1;
      demandConsequence(actor, confirm, `publish version ${next}`);
      const published = view(await terms.publish(file, startIn(startsAtEpoch)));
      note({ target: `version ${published.version}`, after: published });
      return published;
    }),
  ];
}

function startIn(given: unknown): bigint | 'next' {
  if (given === 'next') return 'next';
  if (typeof given === 'string' && /^\d{1,18}$/.test(given)) return BigInt(given);
  throw new TributaryError(
    'setting_invalid',
    '"startsAtEpoch" must be the number of an epoch as text, or "next"',
  );
}

function view({ version, startsAtEpoch, publishedAt, digest }: TermsVersion) {
  return {
    version,
    startsAtEpoch,
    publishedAt,
    digest: hex(digest),
  };
}
