import type { PoolView } from '../../src/api/pool-view.ts';
import { Notice } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';

/** Payouts that wait: said before any date on which they would go out. */
export function Paused({ of }: { readonly of: PoolView['payouts']['paused'] }) {
  return (
    <>
      {of.map(({ asset, since, text }) => (
        <Notice
          key={asset ?? ''}
          tone="wrong"
          title={`Payouts${asset === null ? '' : ` of ${asset}`} are paused.`}
        >
          Since <Time at={since} />. {text}
        </Notice>
      ))}
    </>
  );
}
