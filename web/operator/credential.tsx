import { Island } from '../parts/island.tsx';
import type { OperatorParts } from './operator-page.tsx';

/** Enrols a worker, or gives one a new credential and its owner a link. */
export function CredentialDesk({
  of: { pool, may },
  worker,
}: {
  readonly of: Pick<OperatorParts, 'pool' | 'may'>;
  /** Whose credential is replaced; left out: a worker is enrolled. */
  readonly worker?: { readonly id: string; readonly name: string };
}) {
  const props = { poolName: pool.name, mayLink: may('owner') };
  const command = worker ? `rotate ${worker.name}` : 'add NAME';
  return (
    <Island name="operator-credential" props={{ ...props, ...(worker ? { worker } : {}) }}>
      <p class="empty">
        What is shown once takes JavaScript; or run <code>tributary workers {command}</code>.
      </p>
    </Island>
  );
}
