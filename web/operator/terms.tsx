import { Hash } from '../parts/copy.tsx';
import { Island } from '../parts/island.tsx';
import { Marked } from '../parts/marked.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { TermsList } from './api-views.ts';
import { operatorPage } from './operator-page.tsx';

const PATH = '/operator/terms';

/** `/operator/terms`: by what are workers paid, and what comes next? */
export const termsPage = operatorPage(PATH, async ({ reader, may }) => {
  const found = await reader.json<TermsList>('/api/v1/terms');
  if (!found) return undefined;
  const { current, openEpoch, versions } = found;
  return {
    title: 'Terms',
    current: PATH,
    content: (
      <>
        <h1>
          {current === 0
            ? 'The default terms settle the open epoch'
            : `Version ${current} settles the open epoch`}
        </h1>
        <p class="hint">
          Epoch {openEpoch} is open. An epoch keeps the terms that it began with. Workers are told
          of a new version when it is published.
        </p>
        <Table
          caption="Versions, the newest first"
          rows={versions.toReversed()}
          keyOf={({ version }) => String(version)}
          empty={
            <Marked text="None was published yet: the default terms hold. Write yours with `tributary terms init`." />
          }
          columns={[
            {
              title: 'Version',
              cell: ({ version }) => <a href={`/terms/${version}`}>Version {version}</a>,
            },
            {
              title: 'Settles from epoch',
              figures: true,
              cell: ({ startsAtEpoch }) => startsAtEpoch,
            },
            { title: 'Published', cell: ({ publishedAt }) => <Time at={publishedAt} /> },
            {
              title: 'Digest',
              cell: ({ digest }) => <Hash value={digest} label="What was signed" />,
            },
          ]}
        />
        <section aria-labelledby="check">
          <h2 id="check">{may('owner') ? 'Check and publish a file' : 'Check a file'}</h2>
          <p class="prose">
            A terms file (TOML). The check says every fault, and shows what the terms come to for
            two workers. {may('owner') ? 'Nothing is published before you say so.' : ''}
          </p>
          <Island name="terms-check" props={{ mayPublish: may('owner') }}>
            <p class="empty">
              This takes JavaScript; or run tributary terms check FILE, and tributary terms publish
              FILE, on the machine of the pool.
            </p>
          </Island>
        </section>
      </>
    ),
  };
});
