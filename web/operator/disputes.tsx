import { Amount } from '../parts/amount.tsx';
import { StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { aboutText } from '../worker/disputes.tsx';
import type { DisputeLine } from './api-views.ts';
import { operatorPage, workerNames } from './operator-page.tsx';

const PATH = '/operator/disputes';

/** `/operator/disputes`: who waits for an answer, and until when? */
export const disputesPage = operatorPage(PATH, async ({ reader }) => {
  const nameOf = await workerNames({ reader });
  const found = await reader.json<{ disputes: DisputeLine[] }>('/api/v1/disputes');
  const disputes = found?.disputes ?? [];
  const open = disputes.filter(isOpen);
  const sorted = [...open, ...disputes.filter((one) => !isOpen(one))];
  return {
    title: 'Disputes',
    current: PATH,
    content: (
      <>
        <h1>{headline(open)}</h1>
        <Table
          caption="Disputes, those that wait for you first"
          rows={sorted}
          keyOf={({ id }) => id}
          empty="Nobody has disputed anything."
          columns={[
            { title: 'About', cell: (one) => <a href={`${PATH}/${one.id}`}>{aboutText(one)}</a> },
            {
              title: 'Worker',
              cell: ({ worker }) => <a href={`/operator/workers/${worker}`}>{nameOf(worker)}</a>,
            },
            { title: 'Opened', cell: ({ openedAt }) => <Time at={openedAt} /> },
            { title: 'State', cell: (one) => <DisputeState of={one} /> },
            {
              title: 'Claimed',
              figures: true,
              cell: ({ claimed }) =>
                claimed === null ? <span class="muted">no amount</span> : <Amount of={claimed} />,
            },
          ]}
        />
        <p class="hint">
          The deadlines are those of the terms. What is said in a dispute is chained into a public
          log, without names.
        </p>
      </>
    ),
  };
});

function isOpen({ state }: DisputeLine): boolean {
  return state === 'open' || state === 'answered';
}

function headline(open: readonly DisputeLine[]): string {
  if (open.length === 0) return 'No dispute waits for you';
  const late = open.filter(({ overdue }) => overdue).length;
  const begin =
    open.length === 1 ? '1 dispute waits for you' : `${open.length} disputes wait for you`;
  return late === 0 ? begin : `${begin}, ${late} of them late`;
}

/** How a dispute stands for the operator, and until when something has to be done. */
export function DisputeState({ of }: { readonly of: DisputeLine }) {
  const [tone, words] = stateOf(of);
  return (
    <>
      <StateText tone={tone}>{words}</StateText>
      {of.deadline !== null && (
        <span class="working">
          {of.overdue ? 'was due ' : 'by '}
          <Time at={of.deadline} />
        </span>
      )}
    </>
  );
}

function stateOf({ state, outcome, overdue }: DisputeLine): readonly [Tone, string] {
  switch (state) {
    case 'open':
      return [overdue ? 'wrong' : 'attention', overdue ? 'Answer is late' : 'Answer it'];
    case 'answered':
      return [overdue ? 'wrong' : 'attention', overdue ? 'Decision is late' : 'Decide it'];
    case 'decided':
      return ['muted', `Decided: ${OUTCOMES[outcome ?? 'refused']}`];
    case 'withdrawn':
      return ['muted', 'Withdrawn by the worker'];
    case 'lapsed':
      return ['muted', 'Lapsed: the pool was late, the worker has it'];
  }
}
const OUTCOMES = {
  upheld: 'the worker was right',
  partly: 'the worker was right in part',
  refused: 'it stays as it was',
} as const;
