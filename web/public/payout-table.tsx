import type { PayoutsFile } from '../../src/proofs/files.ts';
import type { Terms } from '../../src/terms/terms.ts';
import { Amount } from '../parts/amount.tsx';
import { Hash, shortened } from '../parts/copy.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { amountView } from './published.ts';

/** Payouts as they were published, each with the transaction that anybody can look up. */
export function PayoutTable({
  caption,
  payouts,
  names,
  terms,
  next,
  empty,
}: {
  readonly caption: string;
  readonly payouts: PayoutsFile['payouts'];
  readonly names: ReadonlyMap<string, string>;
  readonly terms: Pick<Terms, 'assets'>;
  readonly next?: string | undefined;
  readonly empty: string;
}) {
  return (
    <Table
      caption={caption}
      rows={payouts}
      keyOf={({ id }) => id}
      next={next}
      empty={empty}
      columns={[
        { title: 'Final at', cell: ({ at }) => <Time at={at} /> },
        { title: 'Worker', cell: ({ worker }) => names.get(worker) ?? shortened(worker) },
        {
          title: 'To',
          cell: ({ to }) =>
            to === undefined ? 'outside the chain' : <Hash value={to} label="Address" />,
        },
        {
          title: 'Transaction',
          cell: ({ transaction, reference }) =>
            transaction === undefined ? (
              (reference ?? 'none')
            ) : (
              <Hash value={transaction} label="Transaction" />
            ),
        },
        {
          title: 'Amount',
          figures: true,
          cell: ({ asset, amount }) => <Amount of={amountView(asset, amount, terms)} />,
        },
      ]}
    />
  );
}
