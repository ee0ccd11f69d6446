import { showCounted } from '../../src/base/figures.ts';
import { Field } from '../parts/confirm.tsx';
import { Marked } from '../parts/marked.tsx';
import { StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { AddChannel, type ChannelRoutes } from '../worker/notices-add.tsx';
import { Channels } from '../worker/notices-channels.tsx';
import { Act, Form } from './act.tsx';
import type { AttentionItem, Letters, NoticeChoices, Notices } from './api-views.ts';
import { Alarms } from './attention.tsx';
import { type OperatorParts, operatorPage } from './operator-page.tsx';

const PATH = '/operator/notices';
type Letter = Letters['items'][number];

/** `/operator/notices`: who was told what, and what was never delivered? */
export const noticesPage = operatorPage(PATH, async (parts) => {
  const { reader, may, attention } = parts;
  const [dead, waiting, sent, notices, choices] = await Promise.all([
    reader.json<Letters>('/api/v1/notices/letters?state=dead&limit=50'),
    reader.json<Letters>('/api/v1/notices/letters?state=waiting&limit=50'),
    reader.json<Letters>('/api/v1/notices/letters?state=sent&limit=30'),
    reader.json<Notices>('/api/v1/notices/all?limit=30'),
    reader.json<NoticeChoices>('/api/v1/notices/channels'),
  ]);
  const lost = dead?.items ?? [];
  const letters = (waiting?.items.length ?? 0) + (sent?.items.length ?? 0);
  return {
    title: 'Notices',
    current: PATH,
    content: (
      <>
        <h1>{headline(lost, { attention, choices, letters })}</h1>
        <Alarms of={attention} page={PATH} />
        <section aria-labelledby="dead">
          <h2 id="dead">Given up</h2>
          <LetterTable of={lost} parts={parts} />
          {lost.length > 1 && may('support') && (
            <Act
              action="/api/v1/notices/replay-dead"
              button="Send all of them again"
              token={parts.token}
              goOn={PATH}
            />
          )}
        </section>
        {(waiting?.items.length ?? 0) > 0 && (
          <section aria-labelledby="waiting">
            <h2 id="waiting">On their way</h2>
            <LetterTable of={waiting?.items ?? []} parts={parts} />
          </section>
        )}
        <section aria-labelledby="delivered">
          <h2 id="delivered">Delivered</h2>
          {!sent?.items.length ? (
            <p class="empty">No letter has left yet.</p>
          ) : (
            <details>
              <summary>The last {sent.items.length}, by e-mail, webhook and the rest</summary>
              <LetterTable of={sent.items} parts={parts} />
            </details>
          )}
        </section>
        {may('support') && <Send of={parts} />}
        <section aria-labelledby="told">
          <h2 id="told">What was told, the last first</h2>
          <Table
            caption="Notices"
            rows={notices?.items ?? []}
            keyOf={({ id }) => id}
            csv="/api/v1/notices/all?format=csv"
            empty="Nothing yet."
            columns={[
              { title: 'When', cell: ({ at }) => <Time at={at} /> },
              { title: 'What', cell: ({ title }) => title },
              { title: 'Who is affected', cell: ({ affected }) => affected.replace(/\.$/, '') },
              {
                title: 'What they must do',
                cell: ({ todo }) => (todo === null ? 'nothing' : <Marked text={todo} />),
              },
            ]}
          />
        </section>
        {choices &&
          (may('owner') ? (
            <OwnChannels of={choices} parts={parts} />
          ) : (
            <ChannelTable of={choices} />
          ))}
      </>
    ),
  };
});

function headline(
  lost: readonly Letter[],
  {
    attention,
    choices,
    letters,
  }: {
    readonly attention: readonly AttentionItem[];
    readonly choices: NoticeChoices | undefined;
    /** On their way, or delivered. */
    readonly letters: number;
  },
): string {
  if (lost.length > 0) {
    return `${showCounted(lost.length, 'letter')} ${lost.length === 1 ? 'was' : 'were'} given up`;
  }
  if (attention.some(({ page }) => page === PATH)) return 'Not every notice can be sent now';
  if (choices?.channels.length === 0) return 'Nobody who runs the pool is told of alarms';
  return letters === 0
    ? 'No letter had to be sent yet'
    : 'Every notice was delivered, or is on its way';
}

function LetterTable({
  of,
  parts: { may, token },
}: {
  readonly of: readonly Letter[];
  readonly parts: OperatorParts;
}) {
  const canReplay = may('support');
  return (
    <Table
      caption="Letters"
      rows={of}
      keyOf={({ id }) => id}
      empty="None."
      columns={[
        { title: 'Since', cell: ({ createdAt }) => <Time at={createdAt} /> },
        { title: 'To', cell: ({ type, shown, owner }) => `${shown} (${type}, ${owner})` },
        {
          title: 'How it went',
          cell: ({ reason, state }) =>
            state === 'sent' ? (
              <StateText tone="good">delivered</StateText>
            ) : reason === null ? (
              <span class="muted">not tried yet</span>
            ) : (
              <StateText tone={state === 'dead' ? 'wrong' : 'attention'}>
                {reason.replaceAll('_', ' ')}
              </StateText>
            ),
        },
        { title: 'Attempts', figures: true, cell: ({ attempts }) => attempts },
        {
          title: 'Next',
          cell: ({ id, nextAt }) =>
            nextAt !== null ? (
              <Time at={nextAt} />
            ) : canReplay ? (
              <Act
                action={`/api/v1/notices/letters/${id}/replay`}
                button="Send it again"
                token={token}
                goOn={PATH}
              />
            ) : (
              'never'
            ),
        },
      ]}
    />
  );
}

function Send({ of: { token } }: { readonly of: OperatorParts }) {
  return (
    <section aria-labelledby="send">
      <h2 id="send">Send a message</h2>
      <details>
        <summary>To every worker, or to one</summary>
        <Form action="/api/v1/notices" token={token} goOn={PATH}>
          <Field label="What it is about" name="title">
            <input id="title" name="title" required maxLength={200} size={60} />
          </Field>
          <Field label="What happens, to whom, from when to when" name="text">
            <textarea id="text" name="text" required maxLength={2000} rows={4} />
          </Field>
          <Field label="What must be done" name="todo" hint="Empty: nothing needs to be done">
            <input id="todo" name="todo" maxLength={200} size={60} />
          </Field>
          <Field
            label="Only to this worker"
            name="worker"
            hint="Its name or id; empty: everybody, and the public feed"
          >
            <input id="worker" name="worker" maxLength={64} autocomplete="off" />
          </Field>
          <button type="submit">Send it</button>
        </Form>
      </details>
    </section>
  );
}

const POOL_CHANNELS: ChannelRoutes = {
  channels: '/api/v1/notices/channels',
  goOn: PATH,
  test: (id) => ({ action: `/api/v1/notices/channels/${id}/test` }),
};

/** Owners choose where the pool itself is told; webhooks among them. */
function OwnChannels({
  of,
  parts: { token },
}: {
  readonly of: NoticeChoices;
  readonly parts: OperatorParts;
}) {
  return (
    <section aria-labelledby="channels">
      <h2 id="channels">Where whoever runs the pool is told</h2>
      {of.channels.length === 0 && (
        <p class="empty">Nowhere yet: add a channel, or look at the console for alarms.</p>
      )}
      <Channels of={of} token={token} routes={POOL_CHANNELS} />
      <details>
        <summary>Add a channel</summary>
        <AddChannel of={of} token={token} routes={POOL_CHANNELS} />
      </details>
    </section>
  );
}

function ChannelTable({ of: { channels } }: { readonly of: NoticeChoices }) {
  return (
    <section aria-labelledby="channels">
      <h2 id="channels">Where whoever runs the pool is told</h2>
      <Table
        caption="Channels of the pool"
        rows={channels}
        keyOf={({ id }) => id}
        empty="Nowhere yet. An owner adds a channel here."
        columns={[
          { title: 'Channel', cell: ({ type, shown }) => `${shown} (${type})` },
          {
            title: 'State',
            cell: ({ confirmed, stopped }) =>
              stopped !== null ? (
                <StateText tone="attention">stopped: {stopped.because}</StateText>
              ) : confirmed ? (
                <StateText tone="good">works</StateText>
              ) : (
                <StateText tone="attention">waits for its code</StateText>
              ),
          },
          {
            title: 'Told of',
            figures: true,
            cell: ({ kinds }) => showCounted(kinds.length, 'kind'),
          },
        ]}
      />
    </section>
  );
}
