import { Amount, Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Figures } from '../parts/figures.tsx';
import { Notice, StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { loadTerms } from '../public/pool.ts';
import { payoutRhythm } from '../public/terms-words.ts';
import type { AskedPayout, Choices, Earnings, Payouts } from './api-views.ts';
import { amountText, nextPayout } from './next-payout.ts';
import { AddressPart } from './payout-address.tsx';
import { AskPart } from './payout-ask.tsx';
import { ChoicePart } from './payout-choice.tsx';
import { linkOf, WorkerSwitch, workerPage } from './worker-page.tsx';

const ROWS = 50;

/** `/worker/payouts`: when am I paid, where, and what went out so far? */
export const payoutsPage = workerPage('/worker/payouts', async (parts) => {
  const { reader, pool, request, worker } = parts;
  const own = `worker=${worker.id}`;
  const cursor = request.query.get('cursor');
  const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  const [payouts, choices, earnings, terms] = await Promise.all([
    reader.json<Payouts>(`/api/v1/me/payouts?${own}&limit=${ROWS}${after}`),
    reader.json<Choices>(`/api/v1/me/choices?${own}`),
    reader.json<Earnings>(`/api/v1/me/earnings?${own}&limit=1`),
    loadTerms(reader, pool.terms.current),
  ]);
  if (!payouts || !choices || !terms) return undefined;
  const owed = earnings?.totals[0]?.owed ?? [];
  const next = nextPayout({ pool, terms, choices, owed });
  const asked = terms.payouts.onDemand
    ? await reader.json<AskedPayout>(`/api/v1/me/payouts/asked?${own}`)
    : undefined;
  return {
    title: 'Payouts',
    current: '/worker/payouts',
    content: (
      <>
        <WorkerSwitch of={parts} path="/worker/payouts" />
        <h1>Payouts of {worker.name}</h1>
        <p class="lead">
          {next.text}{' '}
          {next.at !== undefined && (
            <>
              Payouts go out next on <Time at={next.at} />.
            </>
          )}
        </p>
        {next.needsAddress && (
          <Notice tone="attention" title="There is no payout address yet.">
            What you earn is kept for you, and goes out once <a href="#address">you say where to</a>
            .
          </Notice>
        )}
        <Figures
          of={[
            {
              label: 'Owed now',
              value: <Amounts of={owed} href={linkOf(parts, '/worker/lines')} />,
            },
            {
              label: 'Paid so far',
              value: <Amounts of={earnings?.totals[0]?.paid ?? []} href="#paid" />,
            },
            {
              label: 'How often',
              value: payoutRhythm(terms),
              note: <a href="/terms">by the terms</a>,
            },
            {
              label: 'From which amount on',
              value: next.least ? amountText(next.least) : 'any',
              note: <a href="#choice">change</a>,
            },
          ]}
        />
        {terms.payouts.onDemand && cursor === null && (
          <AskPart of={parts} {...{ terms, owed, next, asked, payouts }} />
        )}
        <section aria-labelledby="paid">
          <h2 id="paid">What went out</h2>
          <PaidTable
            of={payouts}
            next={
              payouts.next === null
                ? undefined
                : linkOf(parts, '/worker/payouts', { cursor: payouts.next })
            }
            csv={`/api/v1/me/payouts?${own}&limit=1000&format=csv`}
          />
        </section>
        <section aria-labelledby="choice">
          <h2 id="choice">In what, and from which amount on</h2>
          <ChoicePart of={parts} terms={terms} choices={choices} />
        </section>
        <section aria-labelledby="address">
          <h2 id="address">Where you are paid</h2>
          <AddressPart of={parts} choices={choices} />
        </section>
      </>
    ),
  };
});

type Payout = Payouts['items'][number];

/** How far a payout has got, in words. */
const STATES: Readonly<Record<string, readonly [Tone, string]>> = {
  owed: ['plain', 'Planned'],
  reserved: ['plain', 'Set aside, about to be signed'],
  signed: ['plain', 'Signed, about to be sent'],
  broadcast: ['plain', 'Sent, not in a block yet'],
  included: ['plain', 'In a block, not final yet'],
  final: ['good', 'Paid, final'],
  failed: ['attention', 'Not sent; owed to you as before'],
  unproven: ['attention', 'Sent by the bank, not proven to have arrived'],
  returned: ['attention', 'Came back; owed to you again'],
};

function PaidTable({
  of,
  next,
  csv,
}: {
  readonly of: Payouts;
  readonly next: string | undefined;
  readonly csv: string;
}) {
  return (
    <Table
      caption="Your payouts, the newest first"
      rows={of.items}
      keyOf={({ id }) => id}
      next={next}
      csv={csv}
      empty="Nothing was paid yet. Every payout stands here with its transaction, from when it is set aside."
      columns={[
        { title: 'Time', cell: ({ createdAt, endedAt }) => <Time at={endedAt ?? createdAt} /> },
        { title: 'State', cell: (payout) => <State of={payout} /> },
        {
          title: 'To',
          cell: ({ to }) =>
            to === null ? 'outside the chain' : <Hash value={to} label="Address" />,
        },
        {
          title: 'Transaction',
          cell: ({ reference }) =>
            reference === null ? (
              <span class="muted">none yet</span>
            ) : (
              <Hash value={reference} label="Transaction" />
            ),
        },
        {
          title: 'Amount',
          figures: true,
          cell: ({ amount, received }) => <Amount of={received ?? amount} />,
        },
      ]}
    />
  );
}

function State({ of: { state, reason } }: { readonly of: Payout }) {
  const [tone, words] = STATES[state] ?? ['plain', state];
  return (
    <>
      <StateText tone={tone}>{words}</StateText>
      {reason !== null && <span class="working">Reason: {reason.replaceAll('_', ' ')}</span>}
    </>
  );
}
