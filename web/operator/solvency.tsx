import { Amount } from '../parts/amount.tsx';
import { Figures } from '../parts/figures.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { ErrorNote, StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import type { PayoutStatus, Reconciliation } from './api-views.ts';
import { operatorPage } from './operator-page.tsx';
import { wei } from './treasury.ts';

const PATH = '/operator/solvency';

/** `/operator/solvency`: does the pool have what it owes, and do its books agree? */
export const solvencyPage = operatorPage(PATH, async ({ reader, request, pool }) => {
  const [status, reconciliation] = await Promise.all([
    reader.json<PayoutStatus>('/api/v1/payouts/status'),
    request.query.has('compare')
      ? reader.json<Reconciliation>('/api/v1/payouts/reconcile')
      : undefined,
  ]);
  if (!status) return undefined;
  const { assets, tickets } = status;
  const short = assets.filter(({ solvent }) => !solvent);
  const decimals = new Map(
    [...pool.solvency.owed, ...(pool.solvency.held ?? [])].map((one) => [one.asset, one.decimals]),
  );
  const amount = (asset: string, value: string) => (
    <Amount of={{ asset, amount: value, decimals: decimals.get(asset) ?? decimalsOf(asset) }} />
  );
  return {
    title: 'Solvency',
    current: PATH,
    content: (
      <>
        <h1>
          {short.length === 0
            ? 'The pool has what it owes'
            : `The pool owes more ${short.map(({ asset }) => asset).join(' and ')} than it has`}
        </h1>
        <p class="hint prose">
          On hand is what the treasury holds and what can be withdrawn into it. Tickets that did not
          win are no money; those that won are, once they are redeemed.
        </p>
        <Table
          caption="What the pool has and owes"
          rows={assets}
          keyOf={({ asset }) => asset}
          empty="Nothing is owed, and nothing is held."
          columns={[
            { title: 'Asset', cell: ({ asset }) => asset },
            {
              title: 'State',
              cell: ({ solvent, obligations }) =>
                obligations === '0' ? (
                  <StateText tone="muted">nothing is owed</StateText>
                ) : (
                  <StateText tone={solvent ? 'good' : 'wrong'}>
                    {solvent ? 'suffices' : 'does not suffice'}
                  </StateText>
                ),
            },
            {
              title: 'On hand',
              figures: true,
              cell: ({ asset, onHand }) => amount(asset, onHand),
            },
            { title: 'Owed', figures: true, cell: ({ asset, owed }) => amount(asset, owed) },
            {
              title: 'Held back',
              figures: true,
              cell: ({ asset, heldBack }) => amount(asset, heldBack),
            },
            {
              title: 'On its way',
              figures: true,
              cell: ({ asset, inFlight }) => amount(asset, inFlight),
            },
            {
              title: 'Won, not redeemed',
              figures: true,
              cell: ({ asset, won }) => amount(asset, won),
            },
            {
              title: 'Ratio',
              figures: true,
              cell: ({ ratioBasisPoints }) =>
                ratioBasisPoints === undefined
                  ? 'none'
                  : (Number(ratioBasisPoints) / 10_000).toFixed(2),
            },
          ]}
        />
        {pool.chain && (
          <section aria-labelledby="tickets">
            <h2 id="tickets">Tickets since the beginning</h2>
            <Figures
              of={[
                { label: 'Expected', value: <Amount of={wei(tickets.earned)} /> },
                { label: 'Won', value: <Amount of={wei(tickets.won)} /> },
                { label: 'Redeemed', value: <Amount of={wei(tickets.redeemed)} /> },
                { label: 'Written off', value: <Amount of={wei(tickets.writtenOff)} /> },
              ]}
            />
          </section>
        )}
        <section aria-labelledby="compare">
          <h2 id="compare">Do the books agree?</h2>
          {reconciliation ? (
            <Compared of={reconciliation} />
          ) : (
            <p>
              <a href={`${PATH}?compare`}>Compare ledger, chain, receipts and payouts now</a>
              <span class="hint"> It reads every entry, and takes some seconds.</span>
            </p>
          )}
        </section>
      </>
    ),
  };
});

function decimalsOf(asset: string): number {
  return asset === 'ETH' || asset === 'LPT' ? 18 : 0;
}

const WHAT: Readonly<Record<string, string>> = {
  ledger: 'Within the ledger',
  chain: 'Ledger and chain',
  receipts: 'Receipts and work',
  payouts: 'Payouts and ledger',
};

function Compared({ of: { differences, notCompared, before } }: { readonly of: Reconciliation }) {
  return (
    <div class="stack">
      {differences.length === 0 ? (
        <p class="state good">They agree, to the last unit.</p>
      ) : (
        differences.map((one, at) => (
          <div key={at}>
            <ErrorNote
              title={`${WHAT[String(one.what)] ?? String(one.what)}:`}
              detail={`${String(one.text)}.`}
              advice="A transaction that is on its way makes a difference that is gone at the next look."
            />
            {Array.isArray(one.lines) && one.lines.length > 0 && (
              <Scroll label="What causes it">
                <pre>{one.lines.join('\n')}</pre>
              </Scroll>
            )}
          </div>
        ))
      )}
      {before.map((text) => (
        <p key={text} class="muted">
          Set apart: {text}.
        </p>
      ))}
      {notCompared.map((text) => (
        <p key={text} class="state attention">
          Not compared: {text}
        </p>
      ))}
    </div>
  );
}
