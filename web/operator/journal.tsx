import { Amount } from '../parts/amount.tsx';
import { Hash } from '../parts/copy.tsx';
import { StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Act } from './act.tsx';
import type { Journal } from './api-views.ts';
import type { OperatorParts } from './operator-page.tsx';
import { wei } from './treasury.ts';

type Line = Journal['items'][number];

const STATES: Readonly<Record<Line['state'], readonly [Tone, string]>> = {
  intended: ['plain', 'waits for its turn'],
  signed: ['plain', 'signed'],
  broadcast: ['plain', 'sent'],
  included: ['plain', 'in a block, not final yet'],
  final: ['good', 'final'],
  failed: ['wrong', 'came to nothing'],
};

/** Why something came to nothing, in words. */
const REASONS: Readonly<Record<string, string>> = {
  withdrawn: 'called off before a block had it',
  refused: 'the signer refused it, by its policy',
  not_needed: 'not needed any more',
};

/** What its owner wanted, by the beginning of its id; of actions by the method at its end. */
const KINDS: Readonly<Record<string, string>> = {
  redeem: 'redeem winning tickets',
  reward: 'call the reward',
  'init-round': 'initialise the round',
  'withdraw-fees': 'withdraw fees',
  payout: 'pay workers',
  'payout-allowance': 'let the batch contract take tokens',
  'payout-disperse': 'put the batch contract on the chain',
  anchor: 'anchor the root of an epoch',
  fill: 'use up a number that was left out',
};
const METHODS: Readonly<Record<string, string>> = {
  approve: 'let the bonding manager take LPT',
  bondWithHint: 'bond LPT',
  unbondWithHint: 'unbond LPT',
  rebondWithHint: 'bond LPT of a lock again',
  withdrawStake: 'withdraw LPT of a lock',
  transcoderWithHint: 'set the cuts',
  setServiceURI: 'set the service URI',
  rewardWithHint: 'call the reward',
  setRewardCaller: 'say who may call rewards',
  initializeRound: 'initialise the round',
  withdrawFees: 'withdraw fees',
  castVoteWithReason: 'vote on a proposal',
  vote: 'vote in a poll',
  transfer: 'send LPT',
  send: 'send ETH',
};

/** `redeem winning tickets`; what is not known here, as it is called. */
export function wantedText(id: string): string {
  const parts = id.split(':');
  const words = parts[0] === 'act' ? METHODS[parts.at(-1) ?? ''] : KINDS[parts[0] ?? ''];
  return words ?? parts.at(parts[0] === 'act' ? -1 : 0) ?? id;
}

/** What was sent, with how far it is; what has not arrived can be called off where an owner wanted it. */
export function JournalTable({
  of,
  parts: { may, token },
  path,
}: {
  readonly of: Journal | undefined;
  readonly parts: Pick<OperatorParts, 'may' | 'token'>;
  /** Of the page that it stands on. */
  readonly path: string;
}) {
  const canCallOff = may('owner') && of?.items.some(({ canBeCalledOff }) => canBeCalledOff);
  return (
    <Table
      caption="Transactions, the last first"
      rows={of?.items ?? []}
      keyOf={({ number }) => number}
      csv="/api/v1/chain/journal?format=csv"
      next={of?.next ? `${path}?cursor=${encodeURIComponent(of.next)}#journal` : undefined}
      empty={of ? 'Nothing was sent yet.' : 'The journal cannot be read just now.'}
      columns={[
        { title: 'When', cell: ({ at }) => <Time at={at} /> },
        {
          title: 'What',
          cell: ({ id }) => (
            <>
              {wantedText(id)}
              <span class="working">
                <Hash value={id} label="Its name in the journal" />
              </span>
            </>
          ),
        },
        { title: 'State', cell: (line) => <State of={line} /> },
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
        ...(canCallOff
          ? [
              {
                title: 'Change',
                cell: ({ id, canBeCalledOff }: Line) =>
                  canBeCalledOff ? (
                    <Act
                      action="/api/v1/chain/call-off"
                      button="Call it off"
                      hidden={{ id }}
                      token={token}
                      goOn={`${path}#journal`}
                    />
                  ) : null,
              },
            ]
          : []),
      ]}
    />
  );
}

function State({ of }: { readonly of: Line }) {
  const { state, succeeded, reason, attempts, withdrawn } = of;
  const isOver = state === 'final' || state === 'failed';
  const isReverted = succeeded === false;
  const [tone, words] = STATES[state];
  const why = reason === null ? '' : `: ${REASONS[reason] ?? reason.replaceAll('_', ' ')}`;
  return (
    <>
      <StateText tone={isReverted ? 'wrong' : tone}>
        {isReverted ? 'refused by the contract' : words}
        {why}
      </StateText>
      {withdrawn && !isOver && <span class="working">being called off</span>}
      {attempts > 1 && (
        <span class="working">
          replaced {attempts === 2 ? 'once' : `${attempts - 1} times`}, with a higher fee
        </span>
      )}
    </>
  );
}
