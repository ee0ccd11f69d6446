import { showCount } from '../../src/base/figures.ts';
import type { PayoutsFile } from '../../src/proofs/files.ts';
import type { Page } from '../page.ts';
import { Amounts } from '../parts/amount.tsx';
import { Facts } from '../parts/figures.tsx';
import { Time } from '../parts/time.tsx';
import { publicFrame } from './frame.ts';
import { PayoutTable } from './payout-table.tsx';
import { loadPool, type PublicPool } from './pool.ts';
import { epochNumber, epochPayouts, workerNames } from './published.ts';
import type { Reader } from './reader.ts';
import { list, payoutRhythm, percent, thresholdText } from './terms-words.ts';

/** Rows of a page, rounded up to the end of an epoch. */
const ROWS_MIN = 100;

/** `/payouts`: does this pool pay, and when? */
export const payoutsPage: Page = {
  path: '/payouts',
  async show({ reader, request }) {
    const loaded = await loadPool(reader);
    const before = epochNumber(request.query.get('before') ?? undefined);
    const found = await payoutsBefore(reader, loaded, before);
    const names = await workerNames(reader);
    return {
      frame: publicFrame(loaded, {
        title: 'Payouts',
        description: `Every payout of ${loaded.pool.name}, with its transaction.`,
        current: '/payouts',
      }),
      content: <Payouts of={loaded} found={found} names={names} />,
    };
  },
};

interface Found {
  readonly payouts: PayoutsFile['payouts'];
  /** Before which epoch the next page goes on; undefined on the last one. */
  readonly older: bigint | undefined;
}

async function payoutsBefore(
  reader: Reader,
  { index }: PublicPool,
  before: bigint | undefined,
): Promise<Found> {
  const epochs = (index?.epochs ?? [])
    .map(({ epoch }) => epoch)
    .filter((epoch) => before === undefined || epoch < before)
    .toReversed();
  const payouts: PayoutsFile['payouts'][number][] = [];
  for (const [at, epoch] of epochs.entries()) {
    payouts.push(...(await epochPayouts(reader, epoch)).toReversed());
    if (payouts.length >= ROWS_MIN && at + 1 < epochs.length) return { payouts, older: epoch };
  }
  return { payouts, older: undefined };
}

function Payouts({
  of: { pool, terms },
  found: { payouts, older },
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
            {showCount(count)} payouts to {showCount(workers)}{' '}
            {workers === 1 ? 'worker' : 'workers'}: <Amounts of={paid} />.{' '}
            {late === 0
              ? 'None took longer than a day to be final.'
              : `${showCount(late)} took longer than a day to be final.`}
          </>
        )}
      </p>
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
          payouts={payouts}
          names={names}
          terms={terms}
          next={older === undefined ? undefined : `/payouts?before=${older}`}
          empty="None is published yet. A payout stands here once its transaction is final."
        />
      </section>
    </>
  );
}
