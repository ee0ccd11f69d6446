import { showCount } from '../../src/base/figures.ts';
import { Amount } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts, Figures } from '../parts/figures.tsx';
import { ErrorNote, StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Danger } from './act.tsx';
import type { ChainStatus, Journal } from './api-views.ts';
import { type OperatorParts, operatorPage } from './operator-page.tsx';
import { lpt, wei } from './treasury.ts';

const PATH = '/operator/chain';

/** `/operator/chain`: is the orchestrator where it should be, and what is sent? */
export const chainPage = operatorPage(PATH, async (parts) => {
  const { reader, pool, request } = parts;
  if (!pool.chain) {
    return {
      title: 'Chain',
      current: PATH,
      content: (
        <>
          <h1>This pool works off chain</h1>
          <p class="prose">
            It has no orchestrator on a chain, and no transactions. Start it with --network and
            --eth-url to work on one.
          </p>
        </>
      ),
    };
  }
  const cursor = request.query.get('cursor');
  const query = new URLSearchParams({ limit: '50', ...(cursor === null ? {} : { cursor }) });
  const [status, journal] = await Promise.all([
    reader.json<ChainStatus>('/api/v1/chain/status').catch(() => undefined),
    reader.json<Journal>(`/api/v1/chain/journal?${query}`).catch(() => undefined),
  ]);
  return {
    title: 'Chain',
    current: PATH,
    content: (
      <>
        <h1>{headline(status)}</h1>
        {status?.alarms.map(({ kind, text, advice, since }) => (
          <div key={kind}>
            <ErrorNote title={text} detail="" advice={advice} />
            <p class="hint">
              since <Time at={since} />
            </p>
          </div>
        ))}
        {status?.journalPaused !== undefined && (
          <ErrorNote
            title="Nothing is sent just now."
            detail={status.journalPaused}
            advice="Segments go on meanwhile."
          />
        )}
        {status && <Standing of={status} />}
        {status && parts.may('owner') && <Duties of={status} parts={parts} />}
        <section aria-labelledby="journal">
          <h2 id="journal">Transaction journal</h2>
          <p class="hint">
            Every transaction that the pool wanted. It is written down before it is signed, so that
            none is sent twice.
          </p>
          <JournalTable of={journal} />
        </section>
      </>
    ),
  };
});

function headline(status: ChainStatus | undefined): string {
  if (!status) return 'The chain was not seen yet';
  const round = showCount(BigInt(status.round));
  const state = status.roundInitialized ? 'is initialised' : 'is not initialised yet';
  const reward = status.lastRewardRound === status.round ? 'reward called' : 'reward not called';
  return `Round ${round} ${state}, ${reward}`;
}

function Standing({ of }: { readonly of: ChainStatus }) {
  const percent = (ppm: string) => `${Number(ppm) / 10_000} %`;
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
            note: of.registered ? undefined : 'not registered',
          },
          { label: 'Stake', value: <Amount of={lpt(of.stake)} />, note: ownNote(of) },
          { label: 'Fees to withdraw', value: <Amount of={wei(of.pendingFees)} /> },
          { label: 'Gas money', value: <Amount of={wei(of.nodeBalanceWei)} /> },
          {
            label: 'Winners that wait',
            value: showCount(BigInt(of.queuedWinners)),
            note: `${showCount(BigInt(of.ticketsRedeemed))} of ${showCount(BigInt(of.ticketsWon))} redeemed`,
          },
        ]}
      />
      <Facts
        of={[
          { label: 'Orchestrator', value: <Hash value={of.orchestrator} label="Orchestrator" /> },
          { label: 'Node account', value: <Hash value={of.address} label="Node account" /> },
          { label: 'Service URI', value: <code>{of.serviceUri || 'none'}</code> },
          {
            label: 'Keeps',
            value: `${percent(of.rewardCut)} of rewards, gives ${percent(of.feeShare)} of fees to delegators`,
          },
          { label: 'Gas spent', value: <Amount of={wei(of.gasSpentWei)} /> },
          {
            label: 'Written off',
            value: <Amount of={wei(of.writtenOffWei)} />,
            note: `${showCount(BigInt(of.ticketsWrittenOff))} tickets`,
          },
        ]}
      />
    </>
  );
}

function ownNote({ ownStake }: ChainStatus) {
  return (
    <>
      of it own: <Amount of={lpt(ownStake)} />
    </>
  );
}

/** What the pool does by itself; by hand only where it is late. */
function Duties({
  of,
  parts: { token },
}: {
  readonly of: ChainStatus;
  readonly parts: OperatorParts;
}) {
  const form = { token, goOn: PATH, action: '/api/v1/chain/submit' };
  const needsReward = of.active && of.roundInitialized && of.lastRewardRound !== of.round;
  return (
    <section aria-labelledby="duties">
      <h2 id="duties">Duties</h2>
      <p class="prose">
        The pool initialises rounds, calls rewards, redeems winners and withdraws fees by itself, as
        its settings say. Stake, cuts and votes: <code>tributary chain</code> shows what each would
        do and cost.
      </p>
      {!of.roundInitialized && (
        <Danger
          id="init-round"
          summary="Initialise the round by hand"
          hidden={{ do: 'init-round' }}
          consequence="This sends a transaction and pays its gas."
          phrase="init-round"
          button="Initialise it"
          {...form}
        />
      )}
      {needsReward && (
        <Danger
          id="reward"
          summary="Call the reward by hand"
          hidden={{ do: 'reward' }}
          consequence="This sends a transaction and pays its gas."
          phrase="reward"
          button="Call it"
          {...form}
        />
      )}
      {of.roundInitialized && !needsReward && (
        <p class="state good">Nothing has to be done by hand in this round.</p>
      )}
    </section>
  );
}

const STATES: Readonly<Record<string, readonly [Tone, string]>> = {
  intended: ['plain', 'waits for its turn'],
  signed: ['plain', 'signed'],
  broadcast: ['plain', 'sent'],
  included: ['plain', 'in a block, not final yet'],
  final: ['good', 'final'],
  failed: ['wrong', 'came to nothing'],
};

function JournalTable({ of }: { readonly of: Journal | undefined }) {
  return (
    <Table
      caption="Transactions, the last first"
      rows={of?.items ?? []}
      keyOf={({ number }) => number}
      csv="/api/v1/chain/journal?format=csv"
      next={of?.next ? `${PATH}?cursor=${encodeURIComponent(of.next)}#journal` : undefined}
      empty="Nothing was sent yet."
      columns={[
        { title: 'When', cell: ({ at }) => <Time at={at} /> },
        { title: 'What', cell: ({ id }) => <code>{shortId(id)}</code> },
        {
          title: 'State',
          cell: ({ state, succeeded, reason, attempts }) => {
            const [tone, words] = STATES[state] ?? ['plain', state];
            const isReverted = succeeded === false;
            return (
              <>
                <StateText tone={isReverted ? 'wrong' : tone}>
                  {isReverted ? 'refused by the contract' : words}
                  {reason === null ? '' : `: ${reason.replaceAll('_', ' ')}`}
                </StateText>
                {attempts > 1 && <span class="working">signed {attempts} times</span>}
              </>
            );
          },
        },
        { title: 'Value', figures: true, cell: ({ valueWei }) => <Amount of={wei(valueWei)} /> },
        {
          title: 'Transaction',
          cell: ({ transaction }) =>
            transaction === null ? (
              <span class="muted">none</span>
            ) : (
              <Hash value={transaction} label="Transaction" />
            ),
        },
      ]}
    />
  );
}

function shortId(id: string): string {
  return id.length <= 32 ? id : `${id.slice(0, 28)}…`;
}
