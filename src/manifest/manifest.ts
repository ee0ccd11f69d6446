import { z } from 'zod';
import { documentSchema } from '../terms/document.ts';

/** Where a pool publishes its manifest: the same place at every pool. */
export const MANIFEST_PATH = '/.well-known/livepeer-pool.json';
/** Where the JSON Schema of it is. */
export const SCHEMA_PATH = '/.well-known/livepeer-pool.schema.json';
/** Terms of a pool with thousands of named workers come near 1 MiB; nothing else is long. */
export const MANIFEST_CHARACTERS_MAX = 1_280 * 1024;
const URL_CHARACTERS_MAX = 2_048;

/** Text for people: no control signs, and none that turn the direction of what stands around them. */
function words(charactersMax: number) {
  return z
    .string()
    .min(1)
    .max(charactersMax)
    .regex(/^\P{C}*$/u);
}

const webUrl = z
  .string()
  .max(URL_CHARACTERS_MAX)
  .regex(/^https?:\/\/[^\s@]+$/);
const address = z.string().regex(/^0x[0-9a-f]{40}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** What a pool says of itself. Members that a reader does not know are signed, and left alone. */
export const manifestSchema = z.object({
  format: z.literal('livepeer-pool-1'),
  issuedAt: z.iso
    .datetime()
    .describe('Its milliseconds since 1970 are the version that is signed.'),
  expiresAt: z.iso.datetime().describe('From then on it says nothing any more.'),
  pool: z.object({
    name: words(64),
    url: webUrl.describe('Where people find the pool, and this file below it.'),
    serviceUri: webUrl.describe('Where gateways and workers reach it.'),
    chainId: z
      .string()
      .regex(/^(?:0|[1-9]\d{0,18})$/)
      .describe('The chain of the Livepeer contracts; 0: the pool is on none.'),
    orchestrator: address.optional().describe('Whom tickets are paid to; left out off chain.'),
    account: address
      .optional()
      .describe('Who signs for it; the orchestrator itself, unless its key is kept elsewhere.'),
  }),
  terms: z.object({
    version: z.int().min(0).max(1_000_000).describe('0: the ones that every pool begins with.'),
    digest: hash.describe('SHA-256 of the canonical JSON of `document`.'),
    document: documentSchema
      .extend({ version: z.int().min(0).max(1_000_000) })
      .describe('The terms that settle the open epoch.'),
  }),
  proofs: z.object({
    format: words(64),
    url: webUrl.describe('`index.json` and all else is below.'),
  }),
  api: z.object({ url: webUrl, description: webUrl.optional() }).optional(),
  operator: z.object({
    name: words(100).optional(),
    contact: words(200).optional(),
    region: words(100).optional(),
  }),
  joining: z.object({
    outsideGpus: z.boolean().describe('Whether owners of GPUs may ask to join.'),
    hardware: words(500).optional().describe('What is wanted.'),
  }),
  software: z.object({ name: words(64), version: words(64) }),
});
export type Manifest = z.output<typeof manifestSchema>;

/** The file: the manifest and one signature over its canonical form. */
export const signedSchema = z.object({
  manifest: manifestSchema,
  accountSignature: z
    .string()
    .regex(/^[0-9a-f]{130}$/)
    .optional()
    .describe('On chain: EIP-712, r, s, v, of the account.'),
  key: hash.optional().describe('Off chain: the receipt key that signed.'),
  signature: z
    .string()
    .regex(/^[0-9a-f]{128}$/)
    .optional()
    .describe('Off chain: Ed25519 of that key.'),
});

/** Signatures under a manifest, as the file holds them. */
export type ManifestSignatures = Omit<z.output<typeof signedSchema>, 'manifest'>;

/** The JSON Schema (2020-12) of the file, out of the same schema that checks it. */
export function manifestJsonSchema(): object {
  const { $schema, ...rest } = z.toJSONSchema(signedSchema, {
    io: 'input',
    unrepresentable: 'any',
  });
  return {
    $schema,
    $id: 'urn:livepeer:pool-manifest:1',
    title: 'Manifest of a Livepeer pool',
    description:
      'What a pool publishes at /.well-known/livepeer-pool.json: canonical JSON, so that digest and file belong together. Any pool software may publish one.',
    ...rest,
  };
}

/** Where the manifest of a pool is: below its address, or the address itself if it is one already. */
export function manifestUrl(given: string): URL | undefined {
  if (!/^https?:\/\//.test(given) || !URL.canParse(given)) return undefined;
  const url = new URL(given);
  return url.pathname.endsWith('.json') ? url : new URL(MANIFEST_PATH, url);
}
