import { showCount, showPixels } from '../../src/base/figures.ts';
import { Amounts } from '../parts/amount.tsx';
import { Facts, Figures } from '../parts/figures.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { Earnings, Progress } from './api-views.ts';
import { OwnSeal } from './own-seal.tsx';
import { sum } from './sums.ts';
import { type WorkerParts, workerPage } from './worker-page.tsx';

const ROWS = 50;

/** `/worker/earnings`: what have I earned, and what is each amount the sum of? */
export const earningsPage = workerPage('/worker/earnings', async (parts) => {
  const { reader, request } = parts;
  const cursor = request.query.get('cursor');
  const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  const [earnings, progress] = await Promise.all([
    reader.json<Earnings>(`/api/v1/me/earnings?limit=${ROWS}${after}`),
    reader.json<Progress>('/api/v1/me/progress'),
  ]);
  if (!earnings) return undefined;
  return {
    title: 'Earnings',
    current: '/worker/earnings',
    content: (
      <>
        <h1>Earnings</h1>
        <Totals of={earnings} />
        {progress && <OpenEpoch of={parts} progress={progress} />}
        <section aria-labelledby="epochs">
          <h2 id="epochs">Every epoch</h2>
          <p class="prose">
            Each amount opens into the lines of its statement, and from there into receipts.
          </p>
          <Epochs of={parts} earnings={earnings} />
        </section>
        <section aria-labelledby="check">
          <h2 id="check">Check it yourself</h2>
          <OwnSeal of={parts} />
        </section>
      </>
    ),
  };
});

function Totals({ of: { totals } }: { readonly of: Earnings }) {
  const all = (of: 'owed' | 'heldBack' | 'awarded' | 'paid') =>
    sum(totals.flatMap((one) => one[of]));
  const rest = [
    { label: 'Held back', of: 'heldBack', note: 'by the terms, paid later' },
    { label: 'Awarded', of: 'awarded', note: 'by disputes, with the next epoch' },
  ] as const;
  return (
    <>
      <p class="lead">
        You are owed <Amounts of={all('owed')} href="/worker/payouts" /> now, and were paid{' '}
        <Amounts of={all('paid')} href="/worker/payouts#paid" /> so far.
      </p>
      {rest.some(({ of }) => all(of).length > 0) && (
        <Figures
          of={rest
            .filter(({ of }) => all(of).length > 0)
            .map(({ label, of, note }) => ({
              label,
              value: (
                <Amounts
                  of={all(of)}
                  href={`/worker/lines?of=${of === 'awarded' ? 'award' : 'holdback'}`}
                />
              ),
              note,
            }))}
        />
      )}
    </>
  );
}

/** What the receipts of the open epoch come to so far. */
function OpenEpoch({
  of: { workers },
  progress,
}: {
  readonly of: WorkerParts;
  readonly progress: Progress;
}) {
  const names = new Map(workers.map(({ id, name }) => [id, name]));
  return (
    <section aria-labelledby="now">
      <h2 id="now">Epoch {progress.epoch}, which is open</h2>
      <Facts
        of={[
          { label: 'Since', value: <Time at={progress.openedAt} /> },
          {
            label: 'Ends',
            value:
              progress.endsAt === null ? (
                'with a round of the protocol'
              ) : (
                <Time at={progress.endsAt} />
              ),
            note: 'the terms are applied then, and pay is settled',
          },
        ]}
      />
      <Table
        caption={`Work in epoch ${progress.epoch} so far`}
        rows={progress.workers}
        keyOf={({ worker }) => worker}
        empty="Nothing yet."
        columns={[
          { title: 'Machine', cell: ({ worker }) => names.get(worker) ?? worker },
          { title: 'Segments', figures: true, cell: ({ jobs }) => showCount(jobs) },
          { title: 'Pixels', figures: true, cell: ({ units }) => showPixels(BigInt(units)) },
          {
            title: 'By its receipts',
            figures: true,
            cell: ({ worker, amount, firstReceipt }) =>
              firstReceipt === null ? (
                <span class="muted">none yet</span>
              ) : (
                <Receipts
                  amount={amount}
                  href={`/worker/receipts?worker=${worker}&from=${firstReceipt}`}
                />
              ),
          },
        ]}
      />
      <p class="hint prose">
        At the prices that gateways paid, before the terms are applied: commission, shares, rewards.
        The statement of the epoch then has every step.
      </p>
    </section>
  );
}

function Receipts({
  amount,
  href,
}: {
  readonly amount: Progress['workers'][number]['amount'];
  readonly href: string;
}) {
  if (amount === null) return <a href={href}>receipts</a>;
  return <Amounts of={[amount]} href={href} />;
}

function Epochs({
  of: { workers },
  earnings: { items, next },
}: {
  readonly of: WorkerParts;
  readonly earnings: Earnings;
}) {
  const names = new Map(workers.map(({ id, name }) => [id, name]));
  const hrefOf = ({ epoch, worker }: Earnings['items'][number]) =>
    `/worker/statements/${epoch}${workers.length > 1 ? `?worker=${worker}` : ''}`;
  return (
    <Table
      caption="Closed epochs, the newest first"
      rows={items}
      keyOf={({ epoch, worker }) => `${epoch} ${worker}`}
      next={next === null ? undefined : `/worker/earnings?cursor=${encodeURIComponent(next)}`}
      csv="/api/v1/me/earnings?limit=1000&format=csv"
      empty="None of your machines worked in an epoch that is closed. The first statement stands here when the open epoch ends."
      columns={[
        {
          title: 'Epoch',
          cell: (row) => <a href={hrefOf(row)}>Epoch {row.epoch}</a>,
        },
        ...(workers.length > 1
          ? [
              {
                title: 'Machine',
                cell: ({ worker }: Earnings['items'][number]) => names.get(worker) ?? worker,
              },
            ]
          : []),
        { title: 'Ended', cell: ({ endedAt }) => <Time at={endedAt} /> },
        { title: 'Pixels', figures: true, cell: ({ units }) => showPixels(BigInt(units)) },
        {
          title: 'Earned',
          figures: true,
          cell: (row) => <Amounts of={row.owed} href={hrefOf(row)} />,
        },
      ]}
    />
  );
}
