import { showCounted, showPixels } from '../../src/base/figures.ts';
import { settleEpoch } from '../../src/terms/settle.ts';
import type { StatementLine } from '../../src/terms/settle-types.ts';
import type { Terms } from '../../src/terms/terms.ts';
import type { Page } from '../page.ts';
import { Amounts } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { Statement, type StatementLineView } from '../parts/statement.tsx';
import { publicFrame } from './frame.ts';
import { loadPool, loadTerms } from './pool.ts';
import {
  amountView,
  amountViews,
  epochInput,
  epochNumber,
  signedEpoch,
  workerNames,
} from './published.ts';

/** `/epochs/N/WORKER`: of which lines is this amount the sum? Only in pools that publish all lines. */
export const workerEpochPage: Page = {
  path: '/epochs/{epoch}/{worker}',
  async show({ reader, params }) {
    const epoch = epochNumber(params.epoch);
    const worker = params.worker ?? '';
    const signed = epoch === undefined ? undefined : await signedEpoch(reader, epoch);
    if (epoch === undefined || !signed) return undefined;
    const input = await epochInput(reader, epoch);
    const own = input?.workers.find((one) => one.worker === worker);
    if (!input || !own) return undefined;
    const [loaded, found, names] = await Promise.all([
      loadPool(reader),
      loadTerms(reader, signed.head.terms.version),
      workerNames(reader),
    ]);
    const terms = found ?? loaded.terms;
    // The same rule that settled it, applied to what was published: nothing is looked up elsewhere.
    const settlement = settleEpoch(terms, input);
    const lines = settlement.lines.filter((line) => line.worker === worker);
    const name = names.get(worker) ?? worker;
    return {
      frame: publicFrame(loaded, {
        title: `${name} in epoch ${epoch}`,
        description: `What ${name} earned in epoch ${epoch}, line by line.`,
        current: '/epochs',
      }),
      content: (
        <>
          <p class="crumbs">
            <a href="/epochs">Epochs</a> · <a href={`/epochs/${epoch}`}>Epoch {String(epoch)}</a>
          </p>
          <h1>{name}</h1>
          <p class="lead">
            Earned <Amounts of={amountViews(settlement.owed[worker] ?? {}, terms)} /> in epoch{' '}
            {String(epoch)}, for {showPixels(own.units)} in {showCounted(own.jobs, 'segment')}.
          </p>
          <StatementOf lines={lines} terms={terms} />
          <Facts
            of={[
              { label: 'Worker', value: <code>{worker}</code> },
              { label: 'Group', value: own.group },
              {
                label: 'Failed attempts',
                value: String(own.failedAttempts),
                note: `failed checks ${own.failedChecks}`,
              },
              {
                label: 'Last receipt',
                value: <Hash value={own.lastReceiptHash} label="Hash of the last receipt" />,
                note: `number ${own.lastSequence}`,
              },
            ]}
          />
          <p class="prose">
            These lines are the terms applied to the published input. The worker holds a signed
            receipt for each segment; <a href="/proofs">check it yourself</a>.
          </p>
        </>
      ),
    };
  },
};

/** The lines of a worker by asset, with their sum. */
export function StatementOf({
  lines,
  terms,
}: {
  readonly lines: readonly StatementLine[];
  readonly terms: Terms;
}) {
  if (lines.length === 0) return <p class="empty">No line: there was nothing to credit.</p>;
  const assets = [...new Set(lines.map(({ asset }) => asset))];
  return (
    <>
      {assets.map((asset) => {
        const own = lines.filter((line) => line.asset === asset);
        const sum = own.reduce((total, { amount }) => total + amount, 0n);
        return (
          <Statement
            key={asset}
            caption={asset}
            lines={own.map((line) => lineView(line, terms))}
            total={{ label: 'Earned', amount: amountView(asset, sum, terms) }}
          />
        );
      })}
    </>
  );
}

/** What a line is for. */
export const lineKinds: Readonly<Record<StatementLine['kind'], string>> = {
  work: 'Work',
  retainer: 'Being there',
  points: 'Points',
  share_lpt: 'Share of the LPT rewards',
  multiplier: 'Multiplier',
  commission: 'Commission of the pool',
  penalty: 'Penalty',
  refund: 'Taken back by a gateway',
  holdback: 'Held back',
  release: 'Released from an earlier epoch',
  award: 'Awarded by a dispute',
};

/** A line as it is set. */
export function lineView(
  { kind, asset, amount, text }: StatementLine,
  terms: Terms,
): StatementLineView {
  const what = lineKinds[kind];
  const view = { what, amount: amountView(asset, amount, terms) };
  // Lines name pixels by the unit, and exactly; people read them in larger ones.
  const working = text.replaceAll(/\b\d{4,}(?= of \d+ units| pixels| units)/g, (count) =>
    showPixels(BigInt(count)),
  );
  const plain = working.replace(/ (?:pixels|units)\b/, '');
  return working.toLowerCase() === what.toLowerCase() ? view : { ...view, working: plain };
}
