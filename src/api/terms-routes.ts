import { hex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import type { TermsVersion } from '../terms/store.ts';
import type { TermsService } from '../terms/terms-service.ts';
import type { Route } from './admin.ts';

/** What the routes of terms stand on. */
export interface TermsRoutesParts {
  readonly terms: Pick<TermsService, 'list' | 'file' | 'publish'>;
}

/** `/api/v1/terms`: list, read and publish the terms of the pool. */
export function termsRoutes({ terms }: TermsRoutesParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/terms',
      async handle() {
        const { openEpoch, current, versions } = await terms.list();
        return { status: 200, value: { openEpoch, current, versions: versions.map(view) } };
      },
    },
    {
      method: 'GET',
      path: '/api/v1/terms/{version}',
      async handle({ params }) {
        const version = params.version ?? '';
        if (!/^[1-9]\d{0,8}$/.test(version)) {
          throw new TributaryError('terms_unknown', 'A version is a number from 1.');
        }
        return { status: 200, value: { file: await terms.file(Number(version)) } };
      },
    },
    {
      method: 'POST',
      path: '/api/v1/terms',
      async handle({ body }) {
        const { file, startsAtEpoch } = body;
        if (typeof file !== 'string') {
          throw new TributaryError('setting_invalid', '"file" must be the text of a terms file');
        }
        return { status: 201, value: view(await terms.publish(file, startIn(startsAtEpoch))) };
      },
    },
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
    publishedAt: new Date(publishedAt).toISOString(),
    digest: hex(digest),
  };
}
