import packageJson from '../../../package.json' with { type: 'json' };
import { hex } from '../../base/bytes.ts';
import {
  createManifestPublisher,
  type ManifestFacts,
  type ManifestPublisher,
} from '../../manifest/publisher.ts';
import { toHex } from '../../proofs/bytes.ts';
import { type CanonicalValue, digestOf } from '../../proofs/canonical.ts';
import { nodeHashing } from '../../proofs/node-hashing.ts';
import { defaultDocument } from '../../terms/default-document.ts';
import type { TermsDocument } from '../../terms/document.ts';
import type { TermsService } from '../../terms/terms-service.ts';
import type { PoolName } from './pay-name.ts';
import type { Places } from './places.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** The manifest of a pool, whose addresses are known once they listen. */
export function openManifest(
  settings: PoolSettings,
  { clock }: Pick<PoolBase, 'clock'>,
  parts: {
    readonly terms: Pick<TermsService, 'list' | 'file'>;
    readonly name: PoolName;
    readonly serviceUri: string;
    readonly places: Places;
  },
): ManifestPublisher {
  return createManifestPublisher({
    clock,
    hashing: nodeHashing,
    facts: () => factsOf(settings, parts),
    sign: (statement) => parts.name.sign(statement),
  });
}

async function factsOf(
  settings: PoolSettings,
  { terms, name, serviceUri, places }: Parameters<typeof openManifest>[2],
): Promise<ManifestFacts> {
  const { operatorName, contact, poolRegion, outsideGpus, hardwareWanted } = settings;
  const { current } = await terms.list();
  const document = await documentOf(terms, current);
  const place = new URL(settings.publicUrl ?? places.public ?? places.admin ?? serviceUri);
  const below = (path: string) => new URL(path, place).href;
  const { pool, chainId } = name.identity;
  return {
    pool: {
      name: document.name,
      url: below('/'),
      serviceUri,
      chainId: String(chainId),
      ...(chainId === 0n
        ? {}
        : { orchestrator: `0x${hex(pool)}`, account: `0x${hex(name.account ?? pool)}` }),
    },
    terms: {
      version: current,
      digest: toHex(digestOf(document as unknown as CanonicalValue, nodeHashing)),
      document,
    },
    proofs: { format: 'tributary-proofs-1', url: below('/proofs/') },
    api: { url: below('/api/v1/'), description: below('/api/v1/openapi.json') },
    operator: {
      ...(operatorName === undefined ? {} : { name: operatorName }),
      ...(contact === undefined ? {} : { contact }),
      ...(poolRegion === undefined ? {} : { region: poolRegion }),
    },
    joining: {
      outsideGpus,
      ...(hardwareWanted === undefined ? {} : { hardware: hardwareWanted }),
    },
    software: { name: 'tributary', version: packageJson.version },
  };
}

/** As it was signed: what was published, member for member. */
async function documentOf(
  terms: Pick<TermsService, 'file'>,
  version: number,
): Promise<TermsDocument> {
  if (version === 0) return defaultDocument;
  const file = JSON.parse(await terms.file(version)) as { readonly terms: TermsDocument };
  return file.terms;
}

/** The same for the public page. */
export function operatorsWord(
  settings: Pick<
    PoolSettings,
    'operatorName' | 'contact' | 'poolRegion' | 'outsideGpus' | 'hardwareWanted'
  >,
) {
  const { operatorName, contact, poolRegion, outsideGpus, hardwareWanted } = settings;
  return {
    name: operatorName ?? null,
    contact: contact ?? null,
    region: poolRegion ?? null,
    outsideGpus,
    hardware: hardwareWanted ?? null,
  };
}
