import { Amount } from '../parts/amount.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { LedgerLines } from './api-views.ts';
import { linkOf, WorkerSwitch, workerPage } from './worker-page.tsx';

const ROWS = 100;
const ACCOUNTS = [
  { of: 'worker', label: 'Owed', text: 'What you were credited, and what was paid out of it.' },
  { of: 'holdback', label: 'Held back', text: 'What the terms pay later.' },
  { of: 'award', label: 'Awarded', text: 'What disputes gave you, until the epoch is settled.' },
] as const;

/** `/worker/lines`: every line of the books that is about me. */
export const linesPage = workerPage('/worker/lines', async (parts) => {
  const { reader, request, worker } = parts;
  const chosen = ACCOUNTS.find(({ of }) => of === request.query.get('of')) ?? ACCOUNTS[0];
  const cursor = request.query.get('cursor');
  const query = new URLSearchParams({ worker: worker.id, of: chosen.of, limit: String(ROWS) });
  if (cursor !== null) query.set('cursor', cursor);
  const lines = await reader.json<LedgerLines>(`/api/v1/me/lines?${query}`);
  if (!lines) return undefined;
  return {
    title: 'Ledger lines',
    current: '/worker/earnings',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/earnings">Earnings</a>
        </p>
        <WorkerSwitch of={parts} path="/worker/lines" />
        <h1>Ledger lines of {worker.name}</h1>
        <nav class="switch" aria-label="Accounts">
          {ACCOUNTS.map(({ of, label }) => (
            <a
              key={of}
              href={linkOf(parts, '/worker/lines', { of })}
              aria-current={of === chosen.of || undefined}
            >
              {label}
            </a>
          ))}
        </nav>
        <p class="prose">{chosen.text} The balance is what stood there behind the line.</p>
        <LinesTable
          of={lines.items}
          empty="Nothing was booked here yet."
          next={
            lines.next === null
              ? undefined
              : linkOf(parts, '/worker/lines', { of: chosen.of, cursor: lines.next })
          }
          csv={`/api/v1/me/lines?worker=${worker.id}&of=${chosen.of}&limit=1000&format=csv`}
        />
      </>
    ),
  };
});

type Line = LedgerLines['items'][number];

/** What postings are about, for the one that they credit or pay. */
const KINDS: Readonly<Record<string, string>> = {
  epoch: 'Credited by the statement',
  payout_reserved: 'Set aside for a payout',
  payout_released: 'Payout called off, owed again',
  payout_paid: 'Paid',
  payout_returned: 'Payout that did not arrive, owed again',
  refund: 'Taken back by a gateway',
  dispute: 'Dispute',
  import: 'Brought along from another pool',
  correction: 'Correction',
};

/** Lines of the books; each has an address of its own. */
export function LinesTable({
  of,
  empty,
  next,
  csv,
}: {
  readonly of: readonly Line[];
  readonly empty: string;
  readonly next?: string | undefined;
  readonly csv?: string | undefined;
}) {
  return (
    <Table
      caption="Lines of the books, in the order of posting"
      rows={of}
      keyOf={({ cursor }) => cursor}
      empty={empty}
      next={next}
      csv={csv}
      columns={[
        { title: 'Time', cell: ({ at }) => <Time at={at} /> },
        { title: 'What', cell: (line) => <What of={line} /> },
        { title: 'Line', cell: ({ cursor }) => <span id={`at-${cursor}`}>{cursor}</span> },
        { title: 'Amount', figures: true, cell: ({ amount }) => <Amount of={amount} /> },
        { title: 'Balance', figures: true, cell: ({ balance }) => <Amount of={balance} /> },
      ]}
    />
  );
}

function What({ of: { kind, epoch, note, cause } }: { readonly of: Line }) {
  const text = KINDS[kind] ?? kind;
  return (
    <>
      {kind === 'epoch' && epoch !== null ? (
        <a href={`/worker/statements/${epoch}`}>
          {text} of epoch {epoch}
        </a>
      ) : (
        text
      )}
      {(note !== null || kind !== 'epoch') && <span class="working">{note ?? cause}</span>}
    </>
  );
}
