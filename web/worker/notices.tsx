import { Marked } from '../parts/marked.tsx';
import { Time } from '../parts/time.tsx';
import type { NoticeChoices, NoticeHistory } from './api-views.ts';
import { AddChannel, channelNames } from './notices-add.tsx';
import { Channels } from './notices-channels.tsx';
import { DiscordCommands } from './notices-discord.tsx';
import { workerPage } from './worker-page.tsx';

const ROWS = 50;

/** `/worker/notices`: what am I told, where, and what was I told? */
export const noticesPage = workerPage('/worker/notices', async (parts) => {
  const { reader, request, token } = parts;
  const cursor = request.query.get('cursor');
  const after = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  const [choices, history] = await Promise.all([
    reader.json<NoticeChoices>('/api/v1/me/notices'),
    reader.json<NoticeHistory>(`/api/v1/me/notices/history?limit=${ROWS}${after}`),
  ]);
  if (!choices) return undefined;
  return {
    title: 'Notices',
    current: '/worker/notices',
    content: (
      <>
        <h1>Notices</h1>
        <p class="lead">{leadText(choices)}</p>
        {choices.channels.length > 0 && (
          <section aria-labelledby="channels">
            <h2 id="channels">Where you are told</h2>
            <Channels of={choices} token={token} />
          </section>
        )}
        <section aria-labelledby="add">
          <h2 id="add">{choices.channels.length === 0 ? 'Be told' : 'Be told elsewhere, too'}</h2>
          <AddChannel of={choices} token={token} />
        </section>
        <section aria-labelledby="discord">
          <h2 id="discord">Ask in Discord</h2>
          <DiscordCommands of={choices} token={token} />
        </section>
        <section aria-labelledby="told">
          <h2 id="told">What there was to tell</h2>
          <History of={history} />
        </section>
      </>
    ),
  };
});

function leadText({ channels }: NoticeChoices): string {
  const on = channels.filter(({ confirmed, stopped }) => confirmed && stopped === null);
  if (channels.length === 0) {
    return 'You are told nothing yet: add a channel, and you hear of it when a machine goes away.';
  }
  if (on.length === 0) return 'No channel of yours is in use: confirm one, or start it again.';
  return `You are told by ${on.map(({ type, shown }) => `${channelNames[type]} (${shown})`).join(' and ')}. Nothing needs doing.`;
}

function History({ of }: { readonly of: NoticeHistory | undefined }) {
  if (!of || of.items.length === 0) {
    return (
      <p class="empty">
        Nothing happened that you had to know. It stands here when it does, with a channel and
        without.
      </p>
    );
  }
  return (
    <>
      {of.items.map((one) => (
        <Told key={one.id} of={one} />
      ))}
      <p class="table-foot">
        {of.next !== null && (
          <a href={`/worker/notices?cursor=${encodeURIComponent(of.next)}#told`}>Older</a>
        )}
        <a href="/api/v1/me/notices/history?limit=1000&format=csv&rows=all">Download as CSV</a>
      </p>
    </>
  );
}

function Told({
  of: { at, title, text, affected, since, until, todo, page },
}: {
  readonly of: NoticeHistory['items'][number];
}) {
  return (
    <div class="said">
      <p class="hint">
        <Time at={at} />, for {affected.replace(/\.$/, '')}
        {until !== null && (
          <>
            , from <Time at={since} /> to <Time at={until} />
          </>
        )}
      </p>
      <p>
        <strong>{title}.</strong> <Marked text={text} />
      </p>
      <p class="hint">
        {todo === null ? 'Nothing needs doing.' : <Marked text={todo} />}{' '}
        {page?.startsWith('/') && (
          <a href={page}>
            See it<span class="visually-hidden">: {title}</span>
          </a>
        )}
      </p>
    </div>
  );
}
