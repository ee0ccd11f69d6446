import { Amount } from '../parts/amount.tsx';
import { StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { lineKinds } from '../public/worker-epoch.tsx';
import type { DisputeLine } from './api-views.ts';
import { workerPage } from './worker-page.tsx';

/** `/worker/disputes`: what have I disputed, and what came of it? */
export const disputesPage = workerPage('/worker/disputes', async ({ reader }) => {
  const found = await reader.json<{ disputes: DisputeLine[] }>('/api/v1/me/disputes');
  const disputes = found?.disputes ?? [];
  const open = disputes.filter(({ state }) => state === 'open' || state === 'answered');
  return {
    title: 'Disputes',
    current: '/worker/disputes',
    content: (
      <>
        <h1>Disputes</h1>
        <p class="lead">
          {disputes.length === 0
            ? 'You have disputed nothing.'
            : open.length === 0
              ? 'None of your disputes is open. Nothing needs your attention.'
              : `${open.length} of your disputes ${open.length === 1 ? 'is' : 'are'} open.`}
        </p>
        <p class="prose">
          Is a line of a <a href="/worker/earnings">statement</a> wrong, or did a receipt never
          come? Open the line and dispute it there; the pool has to answer and decide within the
          days that the terms name. A public log shows every dispute, without your name.
        </p>
        <p>
          <a href="/worker/disputes/new">Dispute something else</a>
        </p>
        <Table
          caption="Your disputes, the newest first"
          rows={disputes}
          keyOf={({ id }) => id}
          empty="None. Each stands here with its deadlines, from when you open it."
          columns={[
            {
              title: 'About',
              cell: (one) => <a href={`/worker/disputes/${one.id}`}>{aboutText(one)}</a>,
            },
            { title: 'Opened', cell: ({ openedAt }) => <Time at={openedAt} /> },
            { title: 'State', cell: (one) => <DisputeState of={one} /> },
            {
              title: 'Claimed',
              figures: true,
              cell: ({ claimed }) =>
                claimed === null ? <span class="muted">no amount</span> : <Amount of={claimed} />,
            },
            {
              title: 'Awarded',
              figures: true,
              cell: ({ award }) =>
                award === null ? <span class="muted">none</span> : <Amount of={award} />,
            },
          ]}
        />
      </>
    ),
  };
});

/** What a dispute is about, for people. */
export function aboutText({ kind, epoch }: Pick<DisputeLine, 'kind' | 'epoch'>): string {
  if (kind === 'receipt') return `A missing receipt in epoch ${epoch}`;
  const what = Object.hasOwn(lineKinds, kind) ? lineKinds[kind as keyof typeof lineKinds] : kind;
  return `${what} in epoch ${epoch}`;
}

const OUTCOMES: Readonly<Record<NonNullable<DisputeLine['outcome']>, readonly [Tone, string]>> = {
  upheld: ['good', 'Decided: you were right'],
  partly: ['good', 'Decided: you were right in part'],
  refused: ['muted', 'Decided: it stays as it was'],
};

/** How it stands, in words, and until when the pool has to do something. */
export function DisputeState({ of }: { readonly of: DisputeLine }) {
  const [tone, words] = stateOf(of);
  return (
    <>
      <StateText tone={tone}>{words}</StateText>
      {of.deadline !== null && (
        <span class="working">
          {of.state === 'open' ? 'it answers by ' : 'it decides by '}
          <Time at={of.deadline} />
        </span>
      )}
    </>
  );
}

function stateOf({ state, outcome, overdue }: DisputeLine): readonly [Tone, string] {
  switch (state) {
    case 'open':
      return overdue
        ? ['attention', 'The pool is late with its answer']
        : ['plain', 'Waits for the pool'];
    case 'answered':
      return overdue
        ? ['attention', 'The pool is late with its decision']
        : ['plain', 'Answered, not decided yet'];
    case 'decided':
      return outcome === null ? ['plain', 'Decided'] : OUTCOMES[outcome];
    case 'withdrawn':
      return ['muted', 'Withdrawn by you'];
    case 'lapsed':
      return ['good', 'The pool was late: what was taken is given back'];
  }
}
