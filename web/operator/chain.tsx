import { showPercent } from '../../src/base/amounts.ts';
import { showCount, showCounted } from '../../src/base/figures.ts';
import { Amount } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts, Figures } from '../parts/figures.tsx';
import { ErrorNote, StateText } from '../parts/state.tsx';
import type { ChainStatus, Journal, Proposals } from './api-views.ts';
import { Alarms } from './attention.tsx';
import { Offer } from './chain-offer.tsx';
import { changeOffers, dutyOffers } from './chain-offers.ts';
import { JournalTable } from './journal.tsx';
import { operatorPage } from './operator-page.tsx';
import { ProposalsPart } from './proposals.tsx';
import { lpt, wei } from './treasury.ts';

const PATH = '/operator/chain';

/** `/operator/chain`: is the orchestrator where it should be, what is sent, and what can be done? */
export const chainPage = operatorPage(PATH, async (parts) => {
  const { reader, pool, request, may, attention } = parts;
  if (!pool.chain) {
    return {
      title: 'Chain',
      current: PATH,
      content: (
        <>
          <h1>This pool works off chain</h1>
          <p class="prose">
            It has no orchestrator on a chain, and no transactions. Start it with{' '}
            <code>--network</code> and <code>--eth-url</code> to work on one.
          </p>
        </>
      ),
    };
  }
  const cursor = request.query.get('cursor');
  const query = new URLSearchParams({ limit: '50', ...(cursor === null ? {} : { cursor }) });
  const [status, journal, proposals] = await Promise.all([
    reader.json<ChainStatus>('/api/v1/chain/status').catch(() => undefined),
    reader.json<Journal>(`/api/v1/chain/journal?${query}`).catch(() => undefined),
    reader.json<Proposals>('/api/v1/chain/proposals').catch(() => undefined),
  ]);
  return {
    title: 'Chain',
    current: PATH,
    content: (
      <>
        <h1>{headline(status)}</h1>
        {!status && (
          <p class="prose">
            No provider of <code>--eth-url</code> has answered since the pool started. Segments go
            on meanwhile; nothing is sent.
          </p>
        )}
        <Alarms of={attention} page={PATH} />
        {status && <Held of={status} />}
        {status && <Standing of={status} />}
        {status && may('owner') && <Doing of={status} />}
        {status && <ProposalsPart of={proposals} mayVote={may('owner') && status.registered} />}
        <section aria-labelledby="journal">
          <h2 id="journal">Transaction journal</h2>
          <p class="hint">
            Every transaction that the pool wanted. It is written down before it is signed, so that
            none is sent twice; one whose fee falls behind is replaced with a higher one by itself.
          </p>
          <JournalTable of={journal} parts={parts} path={PATH} />
        </section>
      </>
    ),
  };
});

function headline(status: ChainStatus | undefined): string {
  if (!status) return 'The chain was not seen yet';
  const round = showCount(BigInt(status.round));
  if (!status.registered) return `Round ${round}; this orchestrator is not registered`;
  const state = status.roundInitialized ? 'is initialised' : 'is not initialised yet';
  const reward = status.lastRewardRound === status.round ? 'reward called' : 'reward not called';
  return `Round ${round} ${state}, ${reward}`;
}

function Held({ of: { journalPaused } }: { readonly of: ChainStatus }) {
  if (journalPaused === undefined) return null;
  return (
    <ErrorNote
      title="Nothing is sent just now."
      detail={journalPaused}
      advice="Segments go on meanwhile."
    />
  );
}

function Standing({ of }: { readonly of: ChainStatus }) {
  const { place, members, sizeMax, leastStake } = of.activeSet;
  const open = of.openTransactions;
  return (
    <>
      <Figures
        of={[
          {
            label: 'Active set',
            value: of.active ? (
              <StateText tone="good">active</StateText>
            ) : (
              <StateText tone="wrong">not active</StateText>
            ),
            note:
              place === undefined
                ? `it holds ${sizeMax}`
                : `place ${place} of ${members}; it holds ${sizeMax}`,
          },
          {
            label: 'Stake',
            value: <Amount of={lpt(of.stake)} />,
            note: (
              <>
                of it own: <Amount of={lpt(of.ownStake)} />
              </>
            ),
          },
          {
            label: 'Keeps of rewards',
            value: showPercent(BigInt(of.rewardCut)),
            note: 'the rest to delegators',
          },
          {
            label: 'Gives of fees',
            value: showPercent(BigInt(of.feeShare)),
            note: 'to delegators',
          },
          {
            label: 'Last reward',
            value: of.lastRewardRound === '0' ? 'none yet' : `round ${of.lastRewardRound}`,
            note: of.lastRewardRound === of.round ? 'this round' : `now round ${of.round}`,
          },
          { label: 'Fees to withdraw', value: <Amount of={wei(of.pendingFees)} /> },
        ]}
      />
      <Figures
        of={[
          {
            label: 'Gas money',
            value: <Amount of={wei(of.nodeBalanceWei)} />,
            note: (
              <>
                spent so far: <Amount of={wei(of.gasSpentWei)} />
              </>
            ),
          },
          {
            label: 'Winners that wait',
            value: showCount(BigInt(of.queuedWinners)),
            note: `${showCount(BigInt(of.ticketsRedeemed))} of ${showCount(BigInt(of.ticketsWon))} redeemed`,
          },
          {
            label: 'Written off',
            value: <Amount of={wei(of.writtenOffWei)} />,
            note: showCounted(BigInt(of.ticketsWrittenOff), 'ticket'),
          },
          {
            label: 'On their way',
            value: showCounted(open, 'transaction'),
          },
        ]}
      />
      <Facts
        of={[
          { label: 'Orchestrator', value: <Hash value={of.orchestrator} label="Orchestrator" /> },
          { label: 'Node account', value: <Hash value={of.address} label="Node account" /> },
          {
            label: 'Service URI',
            value:
              of.serviceUri === '' ? (
                <StateText tone="attention">none: gateways cannot find this pool</StateText>
              ) : (
                <code>{of.serviceUri}</code>
              ),
          },
          ...(of.active
            ? []
            : [
                {
                  label: 'To be active',
                  value: (
                    <>
                      the smallest stake in the set is <Amount of={lpt(leastStake)} />
                    </>
                  ),
                },
              ]),
          ...of.unbondingLocks.map(({ id, amount, withdrawRound }) => ({
            label: `Unbonding lock ${id}`,
            value: (
              <>
                <Amount of={lpt(amount)} />, to be withdrawn from round {withdrawRound} on
              </>
            ),
          })),
        ]}
      />
    </>
  );
}

/** What an owner may do: what is due first, the rest folded away. */
function Doing({ of }: { readonly of: ChainStatus }) {
  const due = dutyOffers(of);
  return (
    <section aria-labelledby="doing">
      <h2 id="doing">What you can do</h2>
      <p class="hint prose">
        The pool initialises rounds, calls rewards, redeems winners and withdraws fees by itself, as
        its settings say. Each of these shows first what it does and costs; nothing is sent before
        you type its consequence.
      </p>
      {due.map((offer) => (
        <Offer key={offer.title} of={offer} open />
      ))}
      {of.roundInitialized && due.length === 0 && (
        <p class="state good">Nothing has to be done by hand in this round.</p>
      )}
      {changeOffers(of).map((offer) => (
        <Offer key={offer.title} of={offer} />
      ))}
    </section>
  );
}
