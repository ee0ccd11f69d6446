import { showCount, showMs, showPixels } from '../../src/base/figures.ts';
import { Field } from '../parts/confirm.tsx';
import { StateText } from '../parts/state.tsx';
import { type Column, Table } from '../parts/table.tsx';
import type { FleetWorker } from './api-views.ts';
import { Alarms, untilIn } from './attention.tsx';
import { CredentialDesk } from './credential.tsx';
import {
  failureShare,
  type Order,
  orders,
  percent,
  shareTone,
  sortFleet,
  statusTone,
} from './fleet.ts';
import { operatorPage } from './operator-page.tsx';

/** More are a page of their own. */
const ROWS_MAX = 500;
/** A name up to this long stays on one line; there are longer ones. */
const WHOLE_MAX = 24;
const PATH = '/operator/workers';

/** `/operator/workers`: who works, and who of them badly? The worst stands above. */
export const workersPage = operatorPage(PATH, async (parts) => {
  const { reader, request, may, attention } = parts;
  const fleet = (await reader.json<FleetWorker[]>('/api/v1/operator/fleet')) ?? [];
  const asked = request.query.get('sort');
  const order = orders.find((one) => one === asked) ?? 'failing';
  const wanted = (request.query.get('name') ?? '').slice(0, 64).toLowerCase();
  const found = fleet.filter(({ name }) => name.toLowerCase().includes(wanted));
  const sorted = sortFleet(found, order);
  return {
    title: 'Workers',
    current: PATH,
    content: (
      <>
        <h1>{headline(fleet)}</h1>
        <Alarms of={attention} page={PATH} />
        <p class="hint">
          Failures, speed and segments are those of the last 60 minutes; pixels since enrolment.
          Open a worker to see why, and to pause it.
        </p>
        <form class="form row" method="get" action={PATH}>
          <Field label="Name contains" name="name">
            <input id="name" name="name" type="search" value={wanted} />
          </Field>
          {order !== 'failing' && <input type="hidden" name="sort" value={order} />}
          <button type="submit" class="quiet">
            Find
          </button>
        </form>
        <Table
          caption="Workers"
          rows={sorted.slice(0, ROWS_MAX)}
          keyOf={({ id }) => id}
          columns={columns(order, wanted)}
          csv="/api/v1/operator/fleet?format=csv"
          empty={wanted === '' ? 'No worker is enrolled yet.' : 'No worker has this in its name.'}
        />
        {sorted.length > ROWS_MAX && (
          <p class="hint">
            {showCount(sorted.length - ROWS_MAX)} more: search by name, or take the CSV.
          </p>
        )}
        {may('support') && (
          <section aria-labelledby="enrol">
            <h2 id="enrol">Enrol a worker</h2>
            <p class="hint">
              It gets a credential of its own; nobody else's is touched. One for each machine, so
              that each can be seen, paused and replaced alone.
            </p>
            <CredentialDesk of={parts} />
          </section>
        )}
      </>
    ),
  };
});

function headline(fleet: readonly FleetWorker[]): string {
  const connected = fleet.filter(({ connections }) => connections > 0);
  const troubled = connected.filter(({ health }) => health !== 'healthy').length;
  const begin = `${showCount(connected.length)} of ${showCount(fleet.length)} workers are connected`;
  if (fleet.length === 0) return 'No worker is enrolled yet';
  return troubled === 0 ? begin : `${begin}, ${troubled} in quarantine or on trial`;
}

function columns(order: Order, wanted: string): readonly Column<FleetWorker>[] {
  const sort = (by: Order): Pick<Column<FleetWorker>, 'href' | 'sorted'> => {
    const query = new URLSearchParams(wanted === '' ? {} : { name: wanted });
    if (by !== 'failing') query.set('sort', by);
    const href = query.size === 0 ? PATH : `${PATH}?${query}`;
    const direction = by === 'name' ? 'ascending' : 'descending';
    return { href, ...(by === order ? { sorted: direction } : {}) };
  };
  return [
    {
      title: 'Worker',
      ...sort('name'),
      cell: ({ id, name }) => (
        <a href={`${PATH}/${id}`} class={name.length <= WHOLE_MAX ? 'nowrap' : undefined}>
          {name}
        </a>
      ),
    },
    {
      title: 'State',
      cell: (one) => <StateText tone={statusTone(one)}>{untilIn(one.status)}</StateText>,
    },
    { title: 'Failed', figures: true, ...sort('failing'), cell: (one) => <Failed of={one} /> },
    {
      title: 'p95',
      figures: true,
      ...sort('slow'),
      cell: ({ lastHour: { p95Ms } }) =>
        p95Ms === null ? <span class="muted">none</span> : showMs(p95Ms),
    },
    {
      title: 'Segments',
      figures: true,
      ...sort('work'),
      cell: ({ lastHour }) => showCount(lastHour.jobs),
    },
    {
      title: 'Sessions',
      figures: true,
      cell: ({ sessions, capacity }) => `${sessions} of ${capacity}`,
    },
    {
      title: 'Pixels',
      figures: true,
      ...sort('pixels'),
      cell: ({ pixels }) => showPixels(BigInt(pixels)),
    },
  ];
}

function Failed({ of }: { readonly of: FleetWorker }) {
  const share = failureShare(of);
  if (share === undefined) return <span class="muted">none</span>;
  const { failed, jobs } = of.lastHour;
  return (
    <StateText tone={shareTone(share)}>
      {percent(share)}
      <span class="muted">
        {' '}
        ({showCount(failed)} of {showCount(failed + jobs)})
      </span>
    </StateText>
  );
}
