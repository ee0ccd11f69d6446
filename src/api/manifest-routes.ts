import { MANIFEST_PATH, manifestJsonSchema, SCHEMA_PATH } from '../manifest/manifest.ts';
import type { ManifestPublisher } from '../manifest/publisher.ts';
import { defineRoute, type Route, serve } from './route.ts';

export const manifestApi = {
  read: defineRoute({
    method: 'GET',
    path: MANIFEST_PATH,
    access: 'public',
    summary: 'Who the pool is and what it promises, signed: canonical JSON.',
    reply: { type: 'application/json; charset=utf-8' },
  }),
  schema: defineRoute({
    method: 'GET',
    path: SCHEMA_PATH,
    access: 'public',
    summary: 'The JSON Schema of the manifest.',
    reply: { type: 'application/schema+json' },
  }),
} as const;

/** `/.well-known/livepeer-pool.json` and its schema. */
export function manifestRoutes({
  manifest,
}: {
  readonly manifest: ManifestPublisher;
}): readonly Route[] {
  const schema = Buffer.from(`${JSON.stringify(manifestJsonSchema(), null, 2)}\n`);
  return [
    serve(manifestApi.read, async () => Buffer.from(await manifest.current())),
    serve(manifestApi.schema, async () => schema),
  ];
}
