import { showMs, showSpan } from '../../src/base/figures.ts';
import { StateText } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Act, Form } from './act.tsx';
import type { FleetWorker, Machine } from './api-views.ts';
import type { OperatorParts } from './operator-page.tsx';

/** Those of the past are many where a network is bad. */
const SHOWN_MAX = 20;

/** What connected as a worker, and each of them taken off work alone. */
export function Machines({
  of,
  worker,
  parts: { may, token },
}: {
  readonly of: readonly Machine[];
  readonly worker: Pick<FleetWorker, 'id' | 'state'>;
  readonly parts: Pick<OperatorParts, 'may' | 'token'>;
}) {
  const isConnected = ({ sessions }: Machine) => sessions !== null;
  const canChange = may('support') && of.some(isConnected);
  const form = { token, goOn: `/operator/workers/${worker.id}` };
  return (
    <Table
      caption="Computers that connected as this worker, the last first"
      rows={of.slice(0, SHOWN_MAX)}
      keyOf={({ connection }) => connection}
      empty="None connected yet."
      columns={[
        {
          title: 'Program',
          cell: ({ software, version, devices }) => (
            <>
              <span class="nowrap">
                {software === 'stock' ? 'go-livepeer' : 'tributary'} {version}
              </span>
              {devices.length > 0 && (
                <span class="working">
                  {devices.map(({ name, sessions }) => `${name} (${sessions})`).join(', ')}
                </span>
              )}
            </>
          ),
        },
        { title: 'State', cell: (machine) => <State of={machine} /> },
        {
          title: 'Sessions',
          figures: true,
          cell: ({ sessions, capacity }) =>
            sessions === null ? <span class="muted">none</span> : `${sessions} of ${capacity}`,
        },
        { title: 'Round trip', figures: true, cell: ({ distanceMs }) => showMs(distanceMs) },
        { title: 'Connected', cell: ({ joinedAt }) => <Time at={joinedAt} /> },
        ...(canChange
          ? [
              {
                title: 'Change',
                cell: (machine: Machine) => {
                  const path = `/api/v1/workers/${worker.id}/machines/${machine.connection}`;
                  if (!isConnected(machine)) return null;
                  if (machine.quarantinedUntil !== null) {
                    return <Act action={`${path}/release`} button="Release it" {...form} />;
                  }
                  return <Quarantine path={path} form={form} />;
                },
              },
            ]
          : []),
      ]}
    />
  );
}

function State({
  of: { sessions, quarantinedUntil, joinedAt, leftAt, leftBecause },
}: {
  readonly of: Machine;
}) {
  if (quarantinedUntil !== null) {
    return (
      <StateText tone="attention">
        In quarantine until <Time at={quarantinedUntil} detail="clock" />, or until it connects anew
      </StateText>
    );
  }
  if (sessions !== null) {
    return sessions === 0 ? (
      <span class="nowrap">connected</span>
    ) : (
      <StateText tone="good">working</StateText>
    );
  }
  const span = leftAt === null ? undefined : Date.parse(leftAt) - Date.parse(joinedAt);
  return (
    <span class="muted">
      gone{span === undefined ? '' : ` after ${showSpan(span)}`}
      {leftBecause === null ? '' : `, ${leftBecause.replaceAll('_', ' ')}`}
    </span>
  );
}

const SPANS = [
  [10, '10 minutes'],
  [60, '1 hour'],
  [1_440, '1 day'],
] as const;

function Quarantine({
  path,
  form,
}: {
  readonly path: string;
  readonly form: { readonly token: string | undefined; readonly goOn: string };
}) {
  return (
    <Form action={`${path}/quarantine`} row {...form}>
      <select name="minutes" aria-label="How long">
        {SPANS.map(([minutes, text]) => (
          <option key={minutes} value={minutes}>
            {text}
          </option>
        ))}
      </select>
      <button type="submit" class="quiet">
        Quarantine it
      </button>
    </Form>
  );
}
