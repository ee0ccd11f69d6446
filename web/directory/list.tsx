import type { ListedPool } from '../../src/api/directory-views.ts';
import { showCount } from '../../src/base/figures.ts';
import type { Page } from '../page.ts';
import { Notice, StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { promiseOf } from '../public/home.tsx';
import type { Reader } from '../public/reader.ts';
import { directoryFrame, loadDirectory } from './frame.tsx';
import {
  hostOf,
  nameOf,
  reasonOf,
  shareText,
  standingOrder,
  standings,
  termsOf,
} from './words.tsx';

/** All pools: what can be relied on first. */
export async function loadPools(reader: Reader): Promise<readonly ListedPool[]> {
  const page = await reader.json<{ readonly items: readonly ListedPool[] }>(
    '/api/v1/pools?limit=1000',
  );
  const order = (pool: ListedPool) => standingOrder.indexOf(pool.standing);
  return [...(page?.items ?? [])].sort((a, b) => order(a) - order(b));
}

/** `/`: which pools are there, and which of them keep their word? */
export const listPage: Page = {
  path: '/',
  async show({ reader }) {
    const [directory, pools] = await Promise.all([loadDirectory(reader), loadPools(reader)]);
    const listed = pools.filter(({ says }) => says !== null);
    const others = pools.filter(({ says }) => says === null);
    return {
      frame: directoryFrame(directory, {
        title: directory.name,
        description: summaryOf(pools),
        current: '/',
      }),
      content: (
        <>
          <h1>{directory.name}</h1>
          <p class="lead">{summaryOf(pools)}</p>
          <p class="prose">
            Each pool has signed what it promises. This directory recomputes what they publish,
            looks for their payouts on the chain and for them on the network, and shows both side by
            side. <a href="/about">How it is measured</a>
          </p>
          <Notice
            tone="attention"
            title="No honest pool ever asks for a private key, seed phrase or keystore."
          >
            To be listed here is no recommendation.
          </Notice>
          <form action="/compare" method="get" class="form">
            <Table
              caption="Pools"
              rows={listed}
              keyOf={({ id }) => id}
              empty="No pool has signed anything yet: the first look takes a minute."
              columns={[
                {
                  title: 'Pool',
                  cell: (pool) => (
                    <div class="told name">
                      <a href={`/pools/${pool.id}`}>{nameOf(pool)}</a>
                      <span class="working">{hostOf(pool.url)}</span>
                      <Promises pool={pool} />
                    </div>
                  ),
                },
                { title: 'Stands', cell: (pool) => <Stands pool={pool} /> },
                {
                  title: 'Uptime, 30 days',
                  figures: true,
                  cell: ({ measured }) => <Uptime of={measured.uptime30} />,
                },
                {
                  title: 'Epochs that hold',
                  figures: true,
                  cell: ({ measured }) => epochsText(measured),
                },
                {
                  title: 'Payouts on chain',
                  figures: true,
                  cell: ({ measured, says }) => payoutsText(measured, says?.chainId),
                },
                {
                  title: 'Compare',
                  cell: (pool) => (
                    <input
                      type="checkbox"
                      name="pool"
                      value={pool.id}
                      aria-label={`Compare ${nameOf(pool)}`}
                    />
                  ),
                },
              ]}
            />
            {listed.length > 1 && (
              <p>
                <button type="submit">Compare the chosen ones</button>
              </p>
            )}
          </form>
          <NotListed pools={others} />
        </>
      ),
    };
  },
};

function Promises({ pool }: { readonly pool: ListedPool }) {
  const terms = termsOf(pool);
  return <div>{terms ? promiseOf(terms) : 'Nothing that is signed.'}</div>;
}

/** A share, and how many looks it is of: one of three says nothing yet. */
export function Uptime({ of }: { readonly of: ListedPool['measured']['uptime30'] }) {
  return (
    <>
      {shareText(of.service)}
      {of.checks > 0 && (
        <span class="working">
          of {of.checks === 1 ? '1 look' : `${showCount(of.checks)} looks`}
        </span>
      )}
    </>
  );
}

/** The standing, and why where it is not a good one. */
export function Stands({ pool }: { readonly pool: ListedPool }) {
  const { tone, label } = standings[pool.standing];
  const isQuiet = pool.standing === 'verified' || pool.standing === 'signed';
  return (
    <div class="told stands">
      <StateText tone={tone}>{label}</StateText>
      {!isQuiet && <span class="working">{reasonOf(pool)}</span>}
    </div>
  );
}

/** `12 of 12`. */
export function epochsText({ epochsHeld, epochsPublished }: ListedPool['measured']): string {
  if (epochsPublished === 0) return 'none yet';
  return `${showCount(epochsHeld)} of ${showCount(epochsPublished)}`;
}

/** `40 of 40`, or why there is no such figure. */
export function payoutsText(
  { payouts, payoutsOnChain }: ListedPool['measured'],
  chainId: string | undefined,
): string {
  if (payouts === 0) return 'none yet';
  if (chainId === '0') return `${showCount(payouts)} off chain`;
  return `${showCount(payoutsOnChain)} of ${showCount(payouts)}`;
}

function summaryOf(pools: readonly ListedPool[]): string {
  const count = (...of: readonly ListedPool['standing'][]) =>
    pools.filter(({ standing }) => of.includes(standing)).length;
  const [good, failing] = [count('verified', 'signed'), count('failing', 'refused')];
  const many = pools.length === 1 ? '1 pool' : `${showCount(pools.length)} pools`;
  const hold = `what was found holds at ${showCount(good)}`;
  const fails =
    failing === 0 ? 'nowhere does anything fail' : `something fails at ${showCount(failing)}`;
  return `${many}: ${hold}, ${fails}.`;
}

function NotListed({ pools }: { readonly pools: readonly ListedPool[] }) {
  if (pools.length === 0) return null;
  return (
    <section aria-labelledby="others">
      <h2 id="others">Not listed</h2>
      <p class="prose">
        Addresses that this directory was told of, at which nothing was found that could be taken.
      </p>
      <Table
        caption="Addresses without a manifest that could be taken"
        rows={pools}
        keyOf={({ id }) => id}
        empty="None."
        columns={[
          {
            title: 'Address',
            cell: ({ id, url }) => (
              <div class="told name">
                <a href={`/pools/${id}`}>{hostOf(url)}</a>
              </div>
            ),
          },
          { title: 'Why', cell: (pool) => <div class="told">{reasonOf(pool)}</div> },
          {
            title: 'Last look',
            cell: ({ lookedAt }) => (lookedAt === null ? 'none yet' : <Time at={lookedAt} />),
          },
        ]}
      />
    </section>
  );
}
