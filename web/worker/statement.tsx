import { showCount, showCounted, showPixels } from '../../src/base/figures.ts';
import type { LineKind, StatementLine } from '../../src/terms/settle-types.ts';
import type { Terms } from '../../src/terms/terms.ts';
import { Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Statement, type StatementLineView } from '../parts/statement.tsx';
import { Time } from '../parts/time.tsx';
import { loadTerms } from '../public/pool.ts';
import { amountView, epochNumber } from '../public/published.ts';
import { lineKinds, lineView } from '../public/worker-epoch.tsx';
import type { LedgerLines, Progress, Receipts, StatementView } from './api-views.ts';
import { LinesTable } from './lines.tsx';
import { OwnSeal } from './own-seal.tsx';
import { ReceiptsTable } from './receipts.tsx';
import { linkOf, type WorkerParts, workerPage } from './worker-page.tsx';

/** Receipts that unfold in place; the rest has its own page. */
const RECEIPTS = 10;

/** `/worker/statements/N`: of which lines is this amount the sum, and what are they made of? */
export const statementPage = workerPage('/worker/statements/{epoch}', async (parts) => {
  const { reader, params, worker } = parts;
  const epoch = epochNumber(params.epoch);
  if (epoch === undefined) return undefined;
  const own = `worker=${worker.id}`;
  const view = await reader.json<StatementView>(`/api/v1/me/statements/${epoch}?${own}`);
  if (!view) return undefined;
  const [terms, lines, progress] = await Promise.all([
    loadTerms(reader, view.termsVersion),
    reader.json<LedgerLines>(`/api/v1/me/lines?${own}&epoch=${epoch}&limit=50`),
    reader.json<Progress>(`/api/v1/me/progress?${own}&epoch=${epoch}`),
  ]);
  const did = progress?.workers[0];
  const first = did?.firstReceipt ?? undefined;
  const receipts =
    first === undefined
      ? undefined
      : await reader.json<Receipts>(`/api/v1/me/receipts?${own}&from=${first}&limit=${RECEIPTS}`);
  return {
    title: `Statement of epoch ${epoch}`,
    current: '/worker/earnings',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/earnings">Earnings</a>
        </p>
        <h1>Statement of epoch {String(epoch)}</h1>
        <p class="lead">
          {worker.name} earned <Amounts of={view.owed} href="#lines" /> for{' '}
          {showPixels(BigInt(view.units))}
          {did === undefined ? '' : ` in ${segments(did.jobs)}`}.
        </p>
        <section aria-labelledby="lines">
          <h2 id="lines">Line by line</h2>
          {terms && <Lines of={parts} view={view} terms={terms} progress={did} />}
        </section>
        <section aria-labelledby="books">
          <h2 id="books">In the books of the pool</h2>
          <p class="prose">
            What became of it: each line is one side of a booking, and the balance behind it is what
            you were owed at that moment.
          </p>
          <LinesTable
            of={lines?.items ?? []}
            empty="Nothing was booked for this epoch yet."
            next={lines?.next == null ? undefined : linkOf(parts, '/worker/lines')}
          />
        </section>
        <section aria-labelledby="receipts">
          <h2 id="receipts">Receipts</h2>
          <ReceiptsOf of={parts} did={did} found={receipts?.items ?? []} epoch={String(epoch)} />
        </section>
        <section aria-labelledby="check">
          <h2 id="check">Check it yourself</h2>
          <OwnSeal of={parts} />
          <Record of={view} />
        </section>
      </>
    ),
  };
});

function segments(count: number): string {
  return `${showCount(count)} ${count === 1 ? 'segment' : 'segments'}`;
}

type Line = StatementView['lines'][number];
type Did = Progress['workers'][number] | undefined;

function Lines({
  of,
  view,
  terms,
  progress,
}: {
  readonly of: WorkerParts;
  readonly view: StatementView;
  readonly terms: Terms;
  readonly progress: Did;
}) {
  if (view.lines.length === 0) return <p class="empty">No line: there was nothing to credit.</p>;
  const assets = [...new Set(view.lines.map(({ asset }) => asset))];
  const numbered = view.lines.map((line, at) => ({ line, number: at + 1 }));
  return (
    <>
      {assets.map((asset) => {
        const own = numbered.filter(({ line }) => line.asset === asset);
        const total = own.reduce((all, { line }) => all + BigInt(line.amount), 0n);
        return (
          <Statement
            key={asset}
            caption={asset}
            lines={own.map(({ line, number }) => ({
              ...shownLine(line, terms),
              id: `line-${number}`,
              below: <Unfold of={of} line={line} number={number} progress={progress} />,
            }))}
            total={{ label: 'Earned', amount: amountView(asset, total, terms) }}
          />
        );
      })}
    </>
  );
}

/** As on the public page of the epoch; a kind that this version does not know stands as it is. */
function shownLine(line: Line, terms: Terms): StatementLineView {
  const amount = BigInt(line.amount);
  if (!Object.hasOwn(lineKinds, line.kind)) {
    return { what: line.text, amount: amountView(line.asset, amount, terms) };
  }
  const { text } = line;
  const asset = line.asset as StatementLine['asset'];
  return lineView({ worker: '', kind: line.kind as LineKind, asset, amount, text }, terms);
}

/** What stands behind one line, and what can be done about it. */
function Unfold({
  of,
  line: { id, kind, units, rate, evidence },
  number,
  progress,
}: {
  readonly of: WorkerParts;
  readonly line: Line;
  readonly number: number;
  readonly progress: Did;
}) {
  const first = progress?.firstReceipt ?? undefined;
  return (
    <details class="unfold">
      <summary>
        What it is made of<span class="visually-hidden">, line {number}</span>
      </summary>
      <div>
        <ul class="plain-list">
          {units !== undefined && (
            <li>
              {showPixels(BigInt(units))}, exactly {showCounted(BigInt(units), 'pixel')}
            </li>
          )}
          {rate !== undefined && <li>Share, rate or factor: {rate}</li>}
          {kind === 'work' && first !== undefined && (
            <li>
              <a href={linkOf(of, '/worker/receipts', { from: first })}>
                {showCounted(
                  BigInt(progress?.lastReceipt ?? first) - BigInt(first) + 1n,
                  'receipt',
                )}
                , from number {first} on
              </a>
            </li>
          )}
          {evidence !== undefined && (
            <li>
              <a href={`/worker/evidence?${new URLSearchParams({ id: evidence })}`}>
                What was seen: {evidence}
              </a>
            </li>
          )}
          <li>
            <a href={`#line-${number}`}>Address of this line</a>
          </li>
          {id !== undefined && (
            <li>
              Something is wrong with it?{' '}
              <a href={`/worker/disputes/new?${new URLSearchParams({ about: id })}`}>
                Dispute this line
              </a>
            </li>
          )}
        </ul>
      </div>
    </details>
  );
}

function ReceiptsOf({
  of,
  did,
  found,
  epoch,
}: {
  readonly of: WorkerParts;
  readonly did: Did;
  readonly found: Receipts['items'];
  readonly epoch: string;
}) {
  const first = did?.firstReceipt ?? undefined;
  if (first === undefined) return <p class="empty">No receipt is of this epoch.</p>;
  const last = did?.lastReceipt ?? first;
  const count = BigInt(last) - BigInt(first) + 1n;
  return (
    <>
      <p class="prose">
        The pool signed one for each segment when it accepted the result: {showCount(count)},
        numbers {first} to {last}
        {did?.amount ? (
          <>
            , which come to <Amounts of={[did.amount]} /> at the prices that gateways paid
          </>
        ) : (
          ''
        )}
        .
      </p>
      <details>
        <summary>Show {count > BigInt(RECEIPTS) ? `the first ${RECEIPTS}` : 'them'}</summary>
        <ReceiptsTable
          of={of}
          receipts={found.filter((one) => one.epoch === epoch)}
          next={
            count > BigInt(RECEIPTS) ? linkOf(of, '/worker/receipts', { from: first }) : undefined
          }
        />
      </details>
    </>
  );
}

function Record({ of: view }: { readonly of: StatementView }) {
  return (
    <Facts
      of={[
        { label: 'Began', value: <Time at={view.openedAt} /> },
        { label: 'Ended', value: view.endedAt === null ? 'not yet' : <Time at={view.endedAt} /> },
        {
          label: 'Settled by',
          value: (
            <a href={`/terms/${view.termsVersion}`}>
              {view.termsVersion === 0
                ? 'the default terms'
                : `version ${view.termsVersion} of the terms`}
            </a>
          ),
        },
        { label: 'Earned in all until then', value: <Amounts of={view.cumulative} /> },
        {
          label: 'Published as',
          value: <Hash value={view.root} label="Root of the tree" />,
          note: (
            <a href={`/epochs/${view.epoch}`}>
              the page of the epoch<span class="visually-hidden"> {view.epoch}</span>
            </a>
          ),
        },
      ]}
    />
  );
}
