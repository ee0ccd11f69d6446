import { PostForm } from '../parts/confirm.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { SessionView } from './api-views.ts';
import { type WorkerParts, workerPage } from './worker-page.tsx';

/** `/worker/settings`: who is signed in as me, and how do I take my data along? */
export const settingsPage = workerPage('/worker/settings', async (parts) => {
  const { reader, token } = parts;
  const sessions = (await reader.json<SessionView[]>('/api/v1/session/all')) ?? [];
  const others = sessions.filter(({ isThis }) => !isThis);
  return {
    title: 'Settings',
    current: '/worker/settings',
    content: (
      <>
        <h1>Settings</h1>
        <section aria-labelledby="sessions">
          <h2 id="sessions">Where you are signed in</h2>
          <p class="prose">
            {others.length === 0
              ? 'In this browser only. Nothing needs your attention.'
              : 'End a session that you do not know, then make new credentials and tell the operator.'}
          </p>
          <Sessions of={sessions} token={token} />
          <div class="buttons">
            <PostForm action="/api/v1/session/end" token={token} goOn="/worker/sign-in">
              <button type="submit">Sign out here</button>
            </PostForm>
            {others.length > 0 && (
              <PostForm action="/api/v1/session/revoke" token={token} goOn="/worker/settings">
                <button type="submit" class="quiet">
                  Sign out everywhere else
                </button>
              </PostForm>
            )}
          </div>
        </section>
        <section aria-labelledby="exports">
          <h2 id="exports">Take your data along</h2>
          <p class="prose">
            Tables as CSV, amounts exact in base units, times in UTC. A file has every row.
          </p>
          <Exports of={parts} />
        </section>
      </>
    ),
  };
});

const BY: Readonly<Record<string, string>> = {
  wallet: 'Wallet',
  link: 'Link of the operator',
  credential: 'Credential',
};

function Sessions({
  of,
  token,
}: {
  readonly of: readonly SessionView[];
  readonly token: string | undefined;
}) {
  return (
    <Table
      caption="Sessions of yours that are valid"
      rows={of}
      keyOf={({ id }) => id}
      empty="None."
      columns={[
        { title: 'Signed in', cell: ({ createdAt }) => <Time at={createdAt} /> },
        { title: 'By', cell: ({ by }) => BY[by] ?? by },
        { title: 'Ends', cell: ({ expiresAt }) => <Time at={expiresAt} /> },
        {
          title: 'Which',
          cell: ({ id, isThis }) =>
            isThis ? (
              'This browser'
            ) : (
              <PostForm
                action="/api/v1/session/revoke"
                token={token}
                goOn="/worker/settings"
                hidden={{ id }}
              >
                <button type="submit" class="quiet">
                  End it<span class="visually-hidden"> (session {id})</span>
                </button>
              </PostForm>
            ),
        },
      ]}
    />
  );
}

const TABLES = [
  ['lines', 'Ledger lines'],
  ['receipts', 'Receipts'],
  ['payouts', 'Payouts'],
  ['work', 'Work by the hour'],
] as const;

function Exports({ of: { workers } }: { readonly of: WorkerParts }) {
  return (
    <>
      <p>
        <a href="/api/v1/me/earnings?limit=1000&format=csv&rows=all">Earnings of every epoch</a>
      </p>
      <Table
        caption="Exports of each machine"
        rows={workers}
        keyOf={({ id }) => id}
        empty="You have no machine."
        columns={[
          { title: 'Machine', cell: ({ name }) => name },
          ...TABLES.map(([path, title]) => ({
            title,
            cell: ({ id, name }: WorkerParts['worker']) => (
              <a href={exportOf(path, id)}>
                CSV
                <span class="visually-hidden">
                  {' '}
                  of {title.toLowerCase()}, {name}
                </span>
              </a>
            ),
          })),
        ]}
      />
    </>
  );
}

function exportOf(path: (typeof TABLES)[number][0], id: string): string {
  const rows = path === 'work' ? 'by=hour&hours=720' : 'limit=1000';
  return `/api/v1/me/${path}?worker=${id}&${rows}&format=csv&rows=all`;
}
