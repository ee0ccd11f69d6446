import { showCount } from '../../src/base/figures.ts';
import type { Page } from '../page.ts';
import { Amounts } from '../parts/amount.tsx';
import { Facts } from '../parts/figures.tsx';
import { Time } from '../parts/time.tsx';
import { payoutsText } from './due-diligence.tsx';
import { publicFrame } from './frame.ts';
import { Paused } from './paused.tsx';
import { type PaidRow, PayoutTable } from './payout-table.tsx';
import { loadPool, type PublicPool } from './pool.ts';
import { workerNames } from './published.ts';
import { list, payoutRhythm, percent, thresholdText } from './terms-words.ts';

/** Rows of a page. */
const ROWS = 100;

/** `/payouts`: does this pool pay, and when? */
export const payoutsPage: Page = {
  path: '/payouts',
  async show({ reader, request }) {
    const loaded = await loadPool(reader);
    const cursor = request.query.get('cursor');
    const more = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const found = await reader.json<Found>(`/api/v1/payouts?limit=${ROWS}${more}`);
    const names = await workerNames(reader);
    return {
      frame: publicFrame(loaded, {
        title: 'Payouts',
        description: `Every payout of ${loaded.pool.name}, with its transaction.`,
        current: '/payouts',
      }),
      content: <Payouts of={loaded} found={found ?? { items: [], next: null }} names={names} />,
    };
  },
};

/** A page of `/api/v1/payouts`. */
interface Found {
  readonly items: readonly PaidRow[];
  readonly next: string | null;
}

function Payouts({
  of: { pool, terms },
  found: { items, next },
  names,
}: {
  readonly of: PublicPool;
  readonly found: Found;
  readonly names: ReadonlyMap<string, string>;
}) {
  const { count, workers, late, paid, lastAt, nextAt } = pool.payouts;
  const threshold = thresholdText(terms);
  return (
    <>
      <h1>Payouts</h1>
      <p class="lead">
        {count === 0 ? (
          'Nothing was paid yet.'
        ) : (
          <>
            {payoutsText({ count, workers })}: <Amounts of={paid} />.{' '}
            {late === 0
              ? 'None took longer than a day to be final.'
              : `${showCount(late)} took longer than a day to be final.`}
          </>
        )}
      </p>
      <Paused of={pool.payouts.paused} />
      <Facts
        of={[
          {
            label: 'Next',
            value: nextAt === null ? 'after the open epoch ends' : <Time at={nextAt} />,
            note: `paid in ${list(terms.payouts.assets, 'or')}, ${payoutRhythm(terms)}`,
          },
          {
            label: 'Last',
            value: lastAt === null ? 'none yet' : <Time at={lastAt} />,
          },
          {
            label: 'Least amount',
            value: threshold === '' ? 'none' : threshold,
            note: 'you may choose a higher one',
          },
          ...(terms.payouts.feeShareMax
            ? [
                {
                  label: 'Fees',
                  value: `A payout waits while its fee would be more than ${percent(terms.payouts.feeShareMax)} of it.`,
                },
              ]
            : []),
          {
            label: 'Owed now',
            value: <Amounts of={pool.solvency.owed} />,
            note:
              pool.solvency.held === null ? undefined : (
                <>
                  held against it: <Amounts of={pool.solvency.held} />
                </>
              ),
          },
        ]}
      />
      <section aria-labelledby="all">
        <h2 id="all">Every payout</h2>
        <p class="prose">
          Each is a transaction that anybody can look up; what a payout was for stands in its epoch.
        </p>
        <PayoutTable
          caption="Payouts, the newest first"
          rows={items}
          names={names}
          next={next === null ? undefined : `/payouts?cursor=${encodeURIComponent(next)}`}
          csv="/api/v1/payouts?format=csv&limit=1000"
          empty="None is published yet. A payout stands here once its transaction is final."
        />
      </section>
    </>
  );
}
