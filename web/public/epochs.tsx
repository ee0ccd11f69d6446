import { showPixels } from '../../src/base/figures.ts';
import type { EpochHead } from '../../src/proofs/files.ts';
import type { Page } from '../page.ts';
import { Amounts } from '../parts/amount.tsx';
import { Chart } from '../parts/chart.tsx';
import type { Point } from '../parts/decimate.ts';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { publicFrame } from './frame.ts';
import { loadPool, type PublicPool } from './pool.ts';
import { amountViews, creditedIn, epochNumber, signedEpoch } from './published.ts';
import type { Reader } from './reader.ts';
import { epochText } from './terms-words.ts';

/** Half a year of weeks. */
const SHOWN = 26;

/** `/epochs`: what was each epoch worth, and can it be checked? */
export const epochsPage: Page = {
  path: '/epochs',
  async show({ reader, request }) {
    const loaded = await loadPool(reader);
    const numbers = (loaded.index?.epochs ?? []).map(({ epoch }) => epoch);
    const before = epochNumber(request.query.get('before') ?? undefined);
    const upTo = before === undefined ? numbers : numbers.filter((one) => one < before);
    const shown = upTo.slice(-SHOWN).toReversed();
    const heads = await headsOf(reader, shown);
    return {
      frame: publicFrame(loaded, {
        title: 'Epochs',
        description: `Every epoch of ${loaded.pool.name}, signed, with what it came to.`,
        current: '/epochs',
      }),
      content: (
        <Epochs
          of={loaded}
          heads={heads}
          older={upTo.length > shown.length ? shown.at(-1) : undefined}
        />
      ),
    };
  },
};

async function headsOf(reader: Reader, epochs: readonly bigint[]): Promise<readonly EpochHead[]> {
  const read = await Promise.all(epochs.map((epoch) => signedEpoch(reader, epoch)));
  return read.flatMap((signed) => (signed ? [signed.head] : []));
}

function Epochs({
  of: { pool, terms },
  heads,
  older,
}: {
  readonly of: PublicPool;
  readonly heads: readonly EpochHead[];
  readonly older: bigint | undefined;
}) {
  return (
    <>
      <h1>Epochs</h1>
      <p class="lead">
        An epoch is {epochText(terms.epoch)}. When it ends, its income is shared by the terms,
        signed and published, and never changes again.
      </p>
      <p class="prose">
        Epoch {pool.epoch.number} is open since <Time at={pool.epoch.openedAt} />
        {pool.epoch.endsAt !== null && (
          <>
            {' '}
            and ends at <Time at={pool.epoch.endsAt} />
          </>
        )}
        .
      </p>
      {heads.length > 1 && (
        <Chart
          view={{
            title: 'Credited to workers per epoch',
            unit: { asset: 'ETH' },
            series: [{ name: 'ETH', role: 'ours', points: credited(heads) }],
            empty: 'No epoch has credited ETH yet.',
            zero: 'None of these epochs credited ETH.',
          }}
        />
      )}
      <Table
        caption="Published epochs, the newest first"
        rows={heads}
        keyOf={({ epoch }) => String(epoch)}
        next={older === undefined ? undefined : `/epochs?before=${older}`}
        empty="None is published yet: the first one follows when the open epoch ends."
        columns={[
          {
            title: 'Epoch',
            cell: ({ epoch }) => <a href={`/epochs/${epoch}`}>{String(epoch)}</a>,
          },
          { title: 'Ended', cell: ({ closesAt }) => <Time at={closesAt} /> },
          { title: 'Workers', figures: true, cell: ({ leaves }) => leaves },
          {
            title: 'Pixels',
            figures: true,
            cell: ({ totals }) => showPixels(totals.units),
          },
          {
            title: 'Income',
            figures: true,
            cell: ({ income }) => <Amounts of={amountViews(income, terms)} />,
          },
          {
            title: 'To workers',
            figures: true,
            cell: (head) => (
              <Amounts of={amountViews(creditedIn(head), terms)} href={`/epochs/${head.epoch}`} />
            ),
          },
        ]}
      />
    </>
  );
}

/** In whole ETH, for a drawing: the exact amounts are in the table. */
function credited(heads: readonly EpochHead[]): readonly Point[] {
  return heads.toReversed().map((head) => {
    const wei = creditedIn(head).ETH ?? 0n;
    return [head.closesAt, Number(wei) / 1e18];
  });
}
