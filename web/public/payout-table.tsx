import type { PayoutsFile } from '../../src/proofs/files.ts';
import type { Terms } from '../../src/terms/terms.ts';
import { Amount, type AmountView } from '../parts/amount.tsx';
import { Hash, shortened } from '../parts/copy.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { amountView } from './published.ts';

/** A payout that arrived, as `/api/v1/payouts` has it. */
export interface PaidRow {
  readonly id: string;
  readonly at: string;
  readonly amount: AmountView;
  /** Null: it went through a bank. */
  readonly transaction: string | null;
  /** Left out by a private pool, as is the address. */
  readonly worker?: string;
  readonly to?: string;
}

/** The same out of a published file. */
export function paidRows(
  payouts: PayoutsFile['payouts'],
  terms: Pick<Terms, 'assets'>,
): readonly PaidRow[] {
  return payouts.map(({ id, at, asset, amount, transaction, worker, to }) => ({
    ...{ id, worker },
    at: new Date(at).toISOString(),
    amount: amountView(asset, amount, terms),
    transaction: transaction ?? null,
    ...(to === undefined ? {} : { to }),
  }));
}

/** Payouts, each with the transaction that anybody can look up. */
export function PayoutTable({
  caption,
  rows,
  names,
  next,
  csv,
  empty,
}: {
  readonly caption: string;
  readonly rows: readonly PaidRow[];
  readonly names: ReadonlyMap<string, string>;
  readonly next?: string | undefined;
  readonly csv?: string | undefined;
  readonly empty: string;
}) {
  return (
    <Table
      caption={caption}
      rows={rows}
      keyOf={({ id }) => id}
      next={next}
      csv={csv}
      empty={empty}
      columns={[
        { title: 'Final at', cell: ({ at }) => <Time at={at} /> },
        {
          title: 'Worker',
          cell: ({ worker }) =>
            worker === undefined ? 'not shown' : (names.get(worker) ?? shortened(worker)),
        },
        {
          title: 'To',
          cell: ({ to, transaction }) => {
            if (to !== undefined) return <Hash value={to} label="Address" />;
            return transaction === null ? 'outside the chain' : 'not shown';
          },
        },
        {
          title: 'Transaction',
          cell: ({ transaction }) =>
            transaction === null ? 'none' : <Hash value={transaction} label="Transaction" />,
        },
        { title: 'Amount', figures: true, cell: ({ amount }) => <Amount of={amount} /> },
      ]}
    />
  );
}
