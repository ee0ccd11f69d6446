import { Hash } from '../parts/copy.tsx';
import { StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { AuditPage } from './api-views.ts';
import { didText } from './audit-words.ts';
import { operatorPage, workerNames } from './operator-page.tsx';

const PATH = '/operator/audit';

/** `/operator/audit`: who did what? Nothing can be taken out of it. */
export const auditPage = operatorPage(PATH, async ({ reader, request }) => {
  const workerName = await workerNames({ reader });
  const query = new URLSearchParams({ limit: '100' });
  for (const name of ['actor', 'cursor']) {
    const value = request.query.get(name);
    if (value !== null) query.set(name, value);
  }
  const actor = request.query.get('actor');
  const found = await reader.json<AuditPage>(`/api/v1/operator/audit?${query}`);
  const items = found?.items ?? [];
  const actors = new Map(items.map(({ actorId, actorName }) => [actorId, actorName]));
  const nameOf = (id: string) => actors.get(id) ?? workerName(id);
  const next = found?.next;
  const more = new URLSearchParams(actor === null ? {} : { actor });
  if (next) more.set('cursor', next);
  return {
    title: 'Audit log',
    current: PATH,
    content: (
      <>
        <h1>
          {actor === null ? 'Who changed what' : `What ${items[0]?.actorName ?? actor} changed`}
        </h1>
        <p class="hint">
          Every change through pages, API and commands, the last first; it can be added to, and not
          changed. Secrets are not in it. {actor !== null && <a href={PATH}>Everybody</a>}
        </p>
        <Table
          caption="Changes"
          rows={items}
          keyOf={({ number }) => number}
          csv={`/api/v1/operator/audit?format=csv${actor === null ? '' : `&actor=${encodeURIComponent(actor)}`}`}
          next={next ? `${PATH}?${more}` : undefined}
          empty="Nothing was changed yet."
          columns={[
            { title: 'When', cell: ({ at }) => <Time at={at} /> },
            {
              title: 'Who',
              cell: ({ actorId, actorName, actorKind }) =>
                actorKind === 'nobody' ? (
                  <span class="muted">not signed in</span>
                ) : (
                  <a href={`${PATH}?actor=${encodeURIComponent(actorId)}`}>
                    {actorKind === 'worker' ? `worker ${workerName(actorId)}` : actorName}
                  </a>
                ),
            },
            { title: 'Did', cell: ({ route }) => didText(route) },
            {
              title: 'To',
              cell: ({ target, targetName }) => targetText(targetName ?? nameOf(target)),
            },
            {
              title: 'Outcome',
              cell: ({ outcome }) =>
                outcome === 'done' ? (
                  <StateText tone="good">done</StateText>
                ) : (
                  <StateText tone="attention">
                    {(outcome ?? 'did not end').replaceAll('_', ' ')}
                  </StateText>
                ),
            },
            {
              title: 'Details',
              cell: ({ asked, before, after }) => (
                <details>
                  <summary>show</summary>
                  <pre>{detailsText({ asked, before, after })}</pre>
                </details>
              ),
            },
          ]}
        />
      </>
    ),
  };
});

/** Digests and transactions are short to look at, and copied whole. */
function targetText(target: string) {
  if (target === '') return <span class="muted">the pool</span>;
  return /^(0x)?[0-9a-f]{40,}$/.test(target) ? <Hash value={target} label="To" /> : target;
}

function detailsText(parts: Readonly<Record<string, unknown>>): string {
  return Object.entries(parts)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}: ${JSON.stringify(value, undefined, 1)}`)
    .join('\n');
}
