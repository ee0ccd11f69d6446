import { showCount, showCounted } from '../../src/base/figures.ts';
import { Amount } from '../parts/amount.tsx';
import { Chart } from '../parts/chart.tsx';
import { Figures } from '../parts/figures.tsx';
import { Flow, flowOf } from '../parts/flow.tsx';
import { Island } from '../parts/island.tsx';
import { StateText } from '../parts/state.tsx';
import type { ChainStatus, HistoryStep, PayoutStatus, Status } from './api-views.ts';
import { Attention } from './attention.tsx';
import { fleetOf, trafficWords } from './now-words.ts';
import { operatorPage } from './operator-page.tsx';
import { latencyChart, segmentsChart } from './traffic-charts.ts';
import { inAsset, wei } from './treasury.ts';

/** `/operator`: is anything wrong, and what must I do? */
export const overviewPage = operatorPage('/operator', async ({ reader, pool, attention }) => {
  const [status, payouts, chain, history] = await Promise.all([
    reader.json<Status>('/api/v1/status'),
    reader.json<PayoutStatus>('/api/v1/payouts/status'),
    pool.chain
      ? reader.json<ChainStatus>('/api/v1/chain/status').catch(() => undefined)
      : undefined,
    reader.json<HistoryStep[]>('/api/v1/pool/history?by=hour&days=1'),
  ]);
  if (!status) return undefined;
  return {
    title: 'Now',
    current: '/operator',
    content: (
      <>
        <Island name="operator-live" props={{}}>
          <div data-attention={String(attention.length)}>
            <Attention items={attention} />
          </div>
          <p class="hint" data-live="stale" role="status" hidden />
          <section aria-labelledby="traffic">
            <h2 id="traffic">
              <a href="/operator/traffic">Traffic now</a>
            </h2>
            <TrafficFigures of={status} />
            {status.workers.length === 0 && (
              <p>
                No worker is enrolled yet. <a href="/operator/workers#enrol">Enrol the first one</a>
                , and gateways are served as soon as its machine has joined.
              </p>
            )}
          </section>
        </Island>
        {payouts && <Treasury of={payouts} />}
        {chain && <Chain of={chain} />}
        <section aria-labelledby="flow">
          <h2 id="flow">What flows</h2>
          <Flow view={flowOf(pool)} />
        </section>
        <section aria-labelledby="day">
          <h2 id="day">Last 24 hours</h2>
          <Chart view={latencyChart(history ?? [])} />
          <Chart view={segmentsChart(history ?? [])} />
        </section>
      </>
    ),
  };
});

/** Streams, workers, latency, failures; each is kept live. */
export function TrafficFigures({ of }: { readonly of: Status }) {
  const words = trafficWords(fleetOf(of));
  const live = (key: string, text: string) => <span data-live={key}>{text}</span>;
  return (
    <Figures
      of={[
        {
          label: 'Sessions open',
          value: live('streams', words.streams),
          note: live('inFlight', words.inFlight),
        },
        {
          label: 'Workers connected',
          value: <a href="/operator/workers">{live('workers', words.workers)}</a>,
          note: workingNote(of),
        },
        {
          label: 'Added latency p50 / p99',
          value: live('latency', words.latency),
          note: measuredText(of.segments),
        },
        {
          label: 'Failed since the start',
          value: live('failed', words.failed),
          note: live('failedShare', words.failedShare),
        },
      ]}
    />
  );
}

/** Of how many segments a latency is told; the pool keeps the last 1,000. */
function measuredText({ ok }: Status['segments']): string {
  if (ok === 0) return 'no segment yet';
  return ok === 1 ? 'of 1 segment' : `of the last ${showCount(Math.min(ok, 1_000))} segments`;
}

function workingNote({ workers }: Status): string {
  const working = workers.filter(({ sessions }) => sessions > 0).length;
  return `${showCount(working)} with work`;
}

function Treasury({ of: { tickets, assets } }: { readonly of: PayoutStatus }) {
  const eth = inAsset(assets, 'ETH');
  return (
    <section aria-labelledby="treasury">
      <h2 id="treasury">
        <a href="/operator/solvency">Treasury</a>
      </h2>
      <Figures
        of={[
          { label: 'Expected of tickets', value: <Amount of={wei(tickets.earned)} /> },
          { label: 'Won', value: <Amount of={wei(tickets.won)} /> },
          { label: 'Redeemed', value: <Amount of={wei(tickets.redeemed)} /> },
          { label: 'Owed to workers', value: <Amount of={wei(eth?.owed)} /> },
          {
            label: 'On hand / owed',
            value:
              eth?.ratioBasisPoints === undefined
                ? 'nothing is owed'
                : `${(Number(eth.ratioBasisPoints) / 10_000).toFixed(2)}`,
            note: eth && (
              <StateText tone={eth.solvent ? 'good' : 'wrong'}>
                {eth.solvent ? 'it suffices' : 'it does not suffice'}
              </StateText>
            ),
          },
        ]}
      />
    </section>
  );
}

function Chain({ of: chain }: { readonly of: ChainStatus }) {
  const isCalled = chain.lastRewardRound === chain.round;
  return (
    <section aria-labelledby="chain">
      <h2 id="chain">
        <a href="/operator/chain">Chain</a>
      </h2>
      <Figures
        of={[
          {
            label: `Round ${showCount(BigInt(chain.round))}`,
            value: chain.roundInitialized ? 'initialised' : 'not initialised yet',
          },
          {
            label: 'Reward of this round',
            value: isCalled ? 'called' : 'not called',
            note: chain.active ? undefined : 'not active in this round',
          },
          { label: 'Gas money', value: <Amount of={wei(chain.nodeBalanceWei)} /> },
          {
            label: 'Winners that wait',
            value: showCount(BigInt(chain.queuedWinners)),
            note: `${showCounted(chain.openTransactions, 'transaction')} on the way`,
          },
        ]}
      />
    </section>
  );
}
