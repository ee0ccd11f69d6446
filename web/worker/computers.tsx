import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { Machine } from './api-views.ts';

const LEFT: Readonly<Record<string, string>> = {
  lost: 'the connection was lost: look at its network, and whether the program runs',
  closed: 'the worker program ended it',
  revoked: 'its credential was revoked',
  pool_stopping: 'the pool restarted',
};
/** Those of the past are many where a network is bad. */
const SHOWN_MAX = 20;

/** What connected with the credential of a worker, and with which devices. */
export function Computers({ of }: { readonly of: readonly Machine[] }) {
  return (
    <Table
      caption="Computers, the last to connect first"
      rows={of.slice(0, SHOWN_MAX)}
      keyOf={({ connection }) => connection}
      empty="None connected yet. The join string that you were given starts one."
      columns={[
        {
          title: 'Since',
          cell: ({ joinedAt, leftAt, leftBecause }) => (
            <>
              <Time at={joinedAt} />
              {leftAt !== null && (
                <span class="working">
                  until <Time at={leftAt} />: {LEFT[leftBecause ?? ''] ?? 'it went away'}
                </span>
              )}
            </>
          ),
        },
        {
          title: 'State',
          cell: ({ sessions, quarantinedUntil }) =>
            quarantinedUntil !== null ? (
              <span class="state attention">
                Taken off work by the operator until <Time at={quarantinedUntil} detail="clock" />
              </span>
            ) : sessions !== null ? (
              <span class="state good">Connected</span>
            ) : (
              <span class="state muted">Gone</span>
            ),
        },
        {
          title: 'Sessions',
          figures: true,
          cell: ({ sessions, capacity }) =>
            sessions === null ? `of ${capacity}` : `${sessions} of ${capacity}`,
        },
        { title: 'Devices', cell: (machine) => <Devices of={machine} /> },
        { title: 'Way to the pool', figures: true, cell: ({ distanceMs }) => `${distanceMs} ms` },
        {
          title: 'Program',
          cell: ({ software, version }) =>
            `${software === 'stock' ? 'go-livepeer' : 'Tributary'} ${version}`.trim(),
        },
      ]}
    />
  );
}

/** Device limits: what each takes at once, as the worker program measured or was told. */
function Devices({ of: { devices, software } }: { readonly of: Machine }) {
  if (devices.length === 0) {
    return (
      <span class="muted">
        {software === 'stock' ? 'not told by go-livepeer' : 'not told by this version'}
      </span>
    );
  }
  return (
    <ul class="plain-list">
      {devices.map(({ name, sessions }, at) => (
        <li key={at}>
          {name}: up to {sessions} {sessions === 1 ? 'session' : 'sessions'}
        </li>
      ))}
    </ul>
  );
}
