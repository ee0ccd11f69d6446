import { standardAssets } from '../../src/terms/terms.ts';
import { Island } from '../parts/island.tsx';
import { Seal } from '../parts/seal.tsx';
import type { WorkerParts } from './worker-page.tsx';

/**
 * Recomputes in the browser all that a worker was credited: its receipts, the terms, the published
 * trees. The same program as `tributary verify`.
 */
export function OwnSeal({ of: { worker, workers } }: { readonly of: WorkerParts }) {
  const decimals = Object.fromEntries(
    Object.entries(standardAssets).map(([asset, { decimals }]) => [asset, decimals]),
  );
  return (
    <>
      <p class="prose">
        Your browser fetches every receipt of {workers.length > 1 ? worker.name : 'yours'}, applies
        the terms again, and compares the result with what the pool published and signed. It
        believes nothing that this page says.
      </p>
      <Island name="check-own" props={{ worker: worker.id, decimals }}>
        <Seal seal={{ state: 'unchecked' }} />
      </Island>
    </>
  );
}
