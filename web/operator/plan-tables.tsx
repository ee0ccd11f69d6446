import { Amount } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Table } from '../parts/table.tsx';
import type { Due, KeptPlan } from './api-views.ts';
import { holdTexts, methodTexts } from './holds.ts';

/** Who gets what, where, by which rate. */
export function Shares({ of }: { readonly of: Pick<KeptPlan, 'shares'> }) {
  return (
    <Table
      caption="What goes out"
      rows={of.shares}
      keyOf={({ worker, amount, method }) => `${worker} ${amount.asset} ${method}`}
      empty="Nothing goes out."
      columns={[
        {
          title: 'Worker',
          cell: ({ worker, name }) => <a href={`/operator/workers/${worker}`}>{name}</a>,
        },
        {
          title: 'To',
          cell: ({ to }) => (to === null ? 'nowhere' : <Hash value={to} label="Where it goes" />),
        },
        { title: 'How', cell: ({ method }) => methodTexts[method] ?? method },
        {
          title: 'For',
          cell: ({ lines }) =>
            lines.map(({ owed, rate }) => (
              <span key={owed.asset} class="nowrap">
                <Amount of={owed} />
                {rate === null ? ' as it is owed' : ` at ${rate}`}{' '}
              </span>
            )),
        },
        { title: 'Amount', figures: true, cell: ({ amount }) => <Amount of={amount} /> },
      ]}
    />
  );
}

/** What is owed and does not go out, with what would have to be otherwise. */
export function Held({ of }: { readonly of: Due['held'] }) {
  return (
    <Table
      caption="What is held back, and why"
      rows={of}
      keyOf={({ worker, amount }) => `${worker} ${amount.asset}`}
      empty="Nothing is held back."
      columns={[
        {
          title: 'Worker',
          cell: ({ worker, name }) => <a href={`/operator/workers/${worker}`}>{name}</a>,
        },
        {
          title: 'Why',
          cell: ({ reason, detail }) => `${holdTexts[reason] ?? reason} ${detail ?? ''}`.trim(),
        },
        { title: 'Amount', figures: true, cell: ({ amount }) => <Amount of={amount} /> },
      ]}
    />
  );
}
