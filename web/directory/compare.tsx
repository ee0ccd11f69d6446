import type { ComponentChildren } from 'preact';
import type { ListedPool, WholePool } from '../../src/api/directory-views.ts';
import { showCount } from '../../src/base/figures.ts';
import type { Page } from '../page.ts';
import { Amount, Amounts } from '../parts/amount.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { StateText } from '../parts/state.tsx';
import type { Reader } from '../public/reader.ts';
import { termsFacts } from '../public/terms.tsx';
import { workersShare } from '../public/terms-words.ts';
import { directoryFrame, loadDirectory } from './frame.tsx';
import { epochsText, loadPools, payoutsText, Uptime } from './list.tsx';
import { nameOf, ppmText, reasonOf, standings, termsOf } from './words.tsx';

/** More columns than that nobody reads side by side. */
const POOLS_MAX = 4;
const ID = /^[a-z0-9][a-z0-9.-]{0,79}$/;

/** `/compare?pool=…&pool=…`: which of these would I join? */
export const comparePage: Page = {
  path: '/compare',
  async show({ reader, request }) {
    const directory = await loadDirectory(reader);
    const ids = [...new Set(request.query.getAll('pool'))].filter((id) => ID.test(id));
    const pools = await loadChosen(reader, ids.slice(0, POOLS_MAX));
    const all = (await loadPools(reader)).filter(({ says }) => says !== null);
    return {
      frame: directoryFrame(directory, {
        title: 'Compare pools',
        description: 'The terms of pools side by side, and what was measured of each.',
        current: '/compare',
      }),
      content: (
        <>
          <h1>Compare pools</h1>
          {pools.length < 2 ? (
            <p class="lead">Choose two to {POOLS_MAX} pools.</p>
          ) : (
            <p class="lead">
              What {pools.length} pools have signed, and what was measured of each.
            </p>
          )}
          {ids.length > POOLS_MAX && (
            <p class="prose">
              Of the {ids.length} that you chose, the first {POOLS_MAX} are shown.
            </p>
          )}
          {pools.length > 0 && <Side pools={pools} />}
          <Choose all={all} chosen={new Set(pools.map(({ id }) => id))} />
        </>
      ),
    };
  },
};

async function loadChosen(reader: Reader, ids: readonly string[]): Promise<readonly WholePool[]> {
  const read = ids.map((id) => reader.json<WholePool>(`/api/v1/pools/${id}`));
  return (await Promise.all(read)).filter((pool) => pool !== undefined);
}

/** A row: what, and its value of each pool; the text says whether they differ. */
interface Row {
  readonly label: ComponentChildren;
  readonly cells: readonly { readonly shown: ComponentChildren; readonly text: string }[];
}

function Side({ pools }: { readonly pools: readonly WholePool[] }) {
  return (
    <Scroll label="Pools side by side">
      <table class={`compare of-${pools.length}`}>
        <caption class="visually-hidden">Pools side by side</caption>
        <thead>
          <tr>
            <td class="corner" />
            {pools.map((pool) => (
              <th key={pool.id} scope="col">
                <a href={`/pools/${pool.id}`}>{nameOf(pool)}</a>
              </th>
            ))}
          </tr>
        </thead>
        <Rows title="What was measured" rows={measuredRows(pools)} count={pools.length} />
        <Rows title="What is promised" rows={promisedRows(pools)} count={pools.length} differ />
        <Rows title="Who it is" rows={identityRows(pools)} count={pools.length} />
      </table>
    </Scroll>
  );
}

function Rows({
  title,
  rows,
  count,
  differ = false,
}: {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly count: number;
  /** Whether rows that differ say so. */
  readonly differ?: boolean;
}) {
  return (
    <tbody>
      <tr>
        <th scope="rowgroup" colSpan={count + 1} class="group">
          {title}
        </th>
      </tr>
      {rows.map(({ label, cells }, at) => (
        <tr key={at}>
          <th scope="row">
            {label}
            {differ && new Set(cells.map(({ text }) => text)).size > 1 && (
              <span class="working">differs</span>
            )}
          </th>
          {cells.map(({ shown }, place) => (
            <td key={place}>{shown}</td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

function row(
  label: string,
  pools: readonly WholePool[],
  of: (pool: WholePool) => ComponentChildren,
): Row {
  return {
    label,
    cells: pools.map((pool) => {
      const shown = of(pool);
      return { shown, text: typeof shown === 'string' ? shown : '' };
    }),
  };
}

function measuredRows(pools: readonly WholePool[]): readonly Row[] {
  return [
    row('Stands', pools, (pool) => (
      <>
        <StateText tone={standings[pool.standing].tone}>{standings[pool.standing].label}</StateText>
        <span class="working">{reasonOf(pool)}</span>
      </>
    )),
    row('Uptime of the service, 30 days', pools, ({ measured }) => (
      <Uptime of={measured.uptime30} />
    )),
    row('Epochs that hold', pools, ({ measured }) => epochsText(measured)),
    row('Payouts on chain', pools, ({ measured, says }) => payoutsText(measured, says?.chainId)),
    row('Payouts that came late', pools, ({ measured }) =>
      measured.payouts === 0 ? 'none yet' : showCount(measured.payoutsLate),
    ),
    row('Workers who wait for one that is due', pools, ({ measured }) =>
      measured.epochsHeld === 0 ? 'not known' : showCount(measured.workersOverdue),
    ),
    row('Credited to workers so far', pools, ({ measured }) => (
      <Amounts of={measured.credited} none="nothing" />
    )),
    row('Paid so far', pools, ({ measured }) => <Amounts of={measured.paid} none="nothing" />),
  ];
}

/** The same facts as on the page of a pool, by their labels. */
function promisedRows(pools: readonly WholePool[]): readonly Row[] {
  const facts = pools.map((pool): ReadonlyMap<string, string> => {
    const terms = termsOf(pool);
    return new Map(terms ? termsFacts(terms).map(({ label, text }) => [label, text]) : []);
  });
  const labels = [...new Set(facts.flatMap((of) => [...of.keys()]))];
  return [
    row('Left to workers', pools, (pool) => {
      const terms = termsOf(pool);
      return terms ? workersShare(terms) : 'nothing is signed';
    }),
    ...labels.map((label) => ({
      label,
      cells: facts.map((of) => {
        const text = of.get(label) ?? 'nothing said';
        return { shown: text, text };
      }),
    })),
  ];
}

function identityRows(pools: readonly WholePool[]): readonly Row[] {
  const said =
    (of: (says: NonNullable<ListedPool['says']>) => string | null) => (pool: WholePool) =>
      (pool.says && of(pool.says)) ?? 'not said';
  return [
    row(
      'Run by',
      pools,
      said(({ operator }) => operator.name),
    ),
    row(
      'Region',
      pools,
      said(({ operator }) => operator.region),
    ),
    row(
      'Takes GPUs of others',
      pools,
      said(({ outsideGpus }) => (outsideGpus ? 'Yes' : 'No')),
    ),
    row(
      'Hardware wanted',
      pools,
      said(({ hardware }) => hardware),
    ),
    row('Stake', pools, ({ onChain }) =>
      onChain ? <Amount of={onChain.stake} /> : 'not looked at',
    ),
    row('Orchestrator keeps', pools, ({ onChain }) =>
      onChain
        ? `${ppmText(onChain.rewardCutPpm)} of rewards, ${ppmText(onChain.feeCutPpm)} of fees`
        : 'not looked at',
    ),
    row(
      'Software',
      pools,
      said(({ software }) => software),
    ),
  ];
}

function Choose({
  all,
  chosen,
}: {
  readonly all: readonly ListedPool[];
  readonly chosen: ReadonlySet<string>;
}) {
  if (all.length === 0) return <p class="empty">No pool has signed anything yet.</p>;
  return (
    <section aria-labelledby="choose">
      <h2 id="choose">Choose</h2>
      <form action="/compare" method="get" class="form">
        <ul class="plain-list">
          {all.map((pool) => (
            <li key={pool.id}>
              <label class="choice">
                <input type="checkbox" name="pool" value={pool.id} checked={chosen.has(pool.id)} />{' '}
                {nameOf(pool)}
              </label>
            </li>
          ))}
        </ul>
        <p>
          <button type="submit">Compare</button>
        </p>
      </form>
    </section>
  );
}
