import { showCount, showMs, showPixels } from '../../src/base/figures.ts';
import { Amount } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { Receipts } from './api-views.ts';
import { OwnSeal } from './own-seal.tsx';
import { linkOf, type WorkerParts, WorkerSwitch, workerPage } from './worker-page.tsx';

const ROWS = 100;
const NUMBER = /^[1-9]\d{0,17}$/;

/** `/worker/receipts`: what did the pool sign for my work? */
export const receiptsPage = workerPage('/worker/receipts', async (parts) => {
  const { reader, request, worker } = parts;
  const asked = request.query.get('from') ?? '1';
  const from = NUMBER.test(asked) ? asked : '1';
  const query = new URLSearchParams({ worker: worker.id, from, limit: String(ROWS) });
  const receipts = await reader.json<Receipts>(`/api/v1/me/receipts?${query}`);
  if (!receipts) return undefined;
  const last = receipts.items.at(-1)?.sequence;
  const after = last === undefined ? undefined : String(BigInt(last) + 1n);
  return {
    title: 'Receipts',
    current: '/worker/earnings',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/earnings">Earnings</a>
        </p>
        <WorkerSwitch of={parts} path="/worker/receipts" />
        <h1>Receipts of {worker.name}</h1>
        <p class="prose">
          The pool signs one for every segment, when it accepts the result. Each names the one
          before, so that none can be left out or changed later.
        </p>
        <ReceiptsTable
          of={parts}
          receipts={receipts.items}
          next={
            receipts.next === null ? undefined : linkOf(parts, '/worker/receipts', { from: after })
          }
          nextText="Newer"
          csv={`/api/v1/me/receipts?worker=${worker.id}&limit=1000&format=csv`}
        />
      </>
    ),
  };
});

/** Receipts in their order, each a link to all that it says. */
export function ReceiptsTable({
  of,
  receipts,
  next,
  nextText = 'All of them',
  csv,
}: {
  readonly of: WorkerParts;
  readonly receipts: Receipts['items'];
  readonly next?: string | undefined;
  readonly nextText?: string;
  readonly csv?: string;
}) {
  return (
    <>
      <Table
        caption="Receipts, in order"
        rows={receipts}
        keyOf={({ sequence }) => sequence}
        empty="None yet: the first comes with the first segment that is accepted."
        csv={csv}
        columns={[
          {
            title: 'Number',
            cell: ({ sequence }) => (
              <a
                href={linkOf(of, `/worker/receipts/${sequence}`)}
                aria-label={`Receipt ${sequence}`}
              >
                {sequence}
              </a>
            ),
          },
          { title: 'Time', cell: ({ at }) => <Time at={at} /> },
          { title: 'Epoch', figures: true, cell: ({ epoch }) => epoch },
          { title: 'Pixels', figures: true, cell: ({ units }) => showPixels(BigInt(units)) },
          { title: 'Took', figures: true, cell: ({ deviceMs }) => showMs(deviceMs) },
          {
            title: 'Amount',
            figures: true,
            cell: ({ amount }) =>
              amount === null ? <span class="muted">by its share</span> : <Amount of={amount} />,
          },
        ]}
      />
      {next !== undefined && (
        <p class="table-foot">
          <a href={next}>{nextText}</a>
        </p>
      )}
    </>
  );
}

/** `/worker/receipts/17`: what exactly was signed? */
export const receiptPage = workerPage('/worker/receipts/{sequence}', async (parts) => {
  const { reader, params, worker } = parts;
  const { sequence = '' } = params;
  if (!NUMBER.test(sequence)) return undefined;
  const query = new URLSearchParams({ worker: worker.id, from: sequence, limit: '1' });
  const found = await reader.json<Receipts>(`/api/v1/me/receipts?${query}`);
  const receipt = found?.items.find((one) => one.sequence === sequence);
  if (!receipt) return undefined;
  return {
    title: `Receipt ${sequence}`,
    current: '/worker/earnings',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/earnings">Earnings</a> ·{' '}
          <a href={linkOf(parts, `/worker/statements/${receipt.epoch}`)}>
            Statement of epoch {receipt.epoch}
          </a>{' '}
          · <a href={linkOf(parts, '/worker/receipts', { from: sequence })}>Receipts</a>
        </p>
        <h1>
          Receipt {sequence} of {worker.name}
        </h1>
        <p class="lead">
          The pool accepted {showPixels(BigInt(receipt.units))} on <Time at={receipt.at} />
          {receipt.amount === null ? (
            '.'
          ) : (
            <>
              , for <Amount of={receipt.amount} /> at the price that the gateway paid.
            </>
          )}
        </p>
        <ReceiptFacts of={receipt} />
        <h2>Check it yourself</h2>
        <OwnSeal of={parts} />
        <p class="prose">
          <a href={`/proofs/receipts?from=${sequence}&worker=${worker.id}`} download>
            Download the signed bytes
          </a>
          , from this receipt on, as <code>tributary verify --receipts</code> takes them.
        </p>
      </>
    ),
  };
});

const BASES: Readonly<Record<Receipts['items'][number]['basis'], string>> = {
  none: 'Nothing: the epoch as a whole is shared by the terms',
  gateway_price: 'What the gateway paid for this segment',
  terms_rate: 'The rate that the terms name',
};

function ReceiptFacts({ of }: { readonly of: Receipts['items'][number] }) {
  return (
    <Facts
      of={[
        { label: 'Pixels', value: showCount(BigInt(of.units)) },
        { label: 'Reckoned by', value: BASES[of.basis] },
        { label: 'Your machine had it for', value: showMs(of.deviceMs) },
        { label: 'Job', value: <Hash value={of.job} label="Job" /> },
        { label: 'Kind of work', value: of.kind === 1 ? 'A segment of video' : String(of.kind) },
        { label: 'Hash of this receipt', value: <Hash value={of.hash} label="Hash" /> },
        {
          label: 'Hash of the one before',
          value: <Hash value={of.previous} label="Hash of the receipt before" />,
          note: /^0+$/.test(of.previous) ? 'this is the first' : undefined,
        },
      ]}
    />
  );
}
