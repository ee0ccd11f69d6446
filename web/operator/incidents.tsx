import { Field } from '../parts/confirm.tsx';
import { StateText } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import { Form } from './act.tsx';
import type { Incidents } from './api-views.ts';
import { type OperatorParts, operatorPage } from './operator-page.tsx';

const PATH = '/operator/incidents';
type Incident = Incidents['items'][number];

/** `/operator/incidents`: what goes on, what is planned, and tell everybody. */
export const incidentsPage = operatorPage(PATH, async (parts) => {
  const { reader, request } = parts;
  const found = await reader.json<Incidents>('/api/v1/incidents?limit=20');
  const items = found?.items ?? [];
  const isOpen = ({ closedAt }: Incident) => closedAt === null;
  const open = items.filter(isOpen);
  const closed = items.filter((one) => !isOpen(one));
  return {
    title: 'Incidents',
    current: PATH,
    content: (
      <>
        <h1>{headline(open, request.now)}</h1>
        <p class="hint">
          Everybody reads these at <a href="/incidents">the page of incidents</a>; workers who chose
          so are sent a notice at once.
        </p>
        {open.map((one) => (
          <One key={one.id} of={one} now={request.now} parts={parts} />
        ))}
        {parts.may('support') && <NewOnes of={parts} />}
        <section aria-labelledby="closed">
          <h2 id="closed">Past</h2>
          {closed.length === 0 ? (
            <p class="empty">Nothing was noted yet.</p>
          ) : (
            <ul class="plain-list">
              {closed.map(({ id, title, startsAt, closedAt }) => (
                <li key={id}>
                  <a href={`/incidents/${id}`}>{title}</a>{' '}
                  <span class="muted">
                    <Time at={startsAt} /> to <Time at={closedAt ?? startsAt} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </section>
      </>
    ),
  };
});

function headline(open: readonly Incident[], now: number): string {
  const on = open.filter(
    ({ kind, startsAt }) => kind === 'incident' || Date.parse(startsAt) <= now,
  );
  const planned = open.length - on.length;
  const begin =
    on.length === 0
      ? 'No incident is open'
      : on.length === 1
        ? '1 incident is open'
        : `${on.length} incidents are open`;
  return planned === 0 ? begin : `${begin}, maintenance is planned`;
}

function One({
  of,
  now,
  parts: { may, token },
}: {
  readonly of: Incident;
  readonly now: number;
  readonly parts: OperatorParts;
}) {
  const { id, kind, title, startsAt, endsAt, updates, automatic } = of;
  const form = { token, goOn: PATH };
  return (
    <section aria-labelledby={`incident-${id}`}>
      <h2 id={`incident-${id}`}>{title}</h2>
      <p>
        <StateText tone="attention">
          {kind === 'incident'
            ? automatic
              ? 'Opened by the pool itself'
              : 'Open'
            : Date.parse(startsAt) > now
              ? 'Planned'
              : 'Under way'}
        </StateText>{' '}
        <span class="muted">
          from <Time at={startsAt} />
          {endsAt !== null && (
            <>
              {' '}
              to <Time at={endsAt} />
            </>
          )}
        </span>
      </p>
      {updates.map(({ at, text }) => (
        <div key={`${at} ${text}`} class="said">
          <p class="hint">
            <Time at={at} />
          </p>
          <p class="text">{text}</p>
        </div>
      ))}
      {may('support') && (
        <Form action={`/api/v1/incidents/${id}/update`} {...form}>
          <Field label="What is new" name={`update-${id}`}>
            <textarea id={`update-${id}`} name="text" required maxLength={2000} rows={3} />
          </Field>
          <div class="buttons">
            <button type="submit">Tell everybody</button>
            <button type="submit" class="quiet" formaction={`/api/v1/incidents/${id}/close`}>
              Tell everybody, and close it
            </button>
          </div>
        </Form>
      )}
    </section>
  );
}

function NewOnes({ of: { token } }: { readonly of: OperatorParts }) {
  const form = { token, goOn: PATH };
  return (
    <section aria-labelledby="tell">
      <h2 id="tell">Tell everybody</h2>
      <details>
        <summary>Something is wrong now</summary>
        <Form action="/api/v1/incidents" {...form}>
          <Field label="What happens, in a sentence" name="incident-title">
            <input id="incident-title" name="title" required maxLength={200} size={60} />
          </Field>
          <Field label="Who is affected, and whether they must do anything" name="incident-text">
            <textarea id="incident-text" name="text" maxLength={2000} rows={3} />
          </Field>
          <button type="submit">Open the incident</button>
        </Form>
      </details>
      <details>
        <summary>Work on the pool is planned</summary>
        <Form action="/api/v1/maintenance" {...form}>
          <Field label="What is done, in a sentence" name="plan-title">
            <input id="plan-title" name="title" required maxLength={200} size={60} />
          </Field>
          <div class="form row">
            <Field label="Begins" name="startsAt" hint="In your time zone">
              <input
                id="startsAt"
                name="startsAt"
                type="datetime-local"
                required
                data-as="moment"
              />
            </Field>
            <Field label="Ends" name="endsAt" hint="In your time zone">
              <input id="endsAt" name="endsAt" type="datetime-local" required data-as="moment" />
            </Field>
          </div>
          <Field label="Who is affected, and whether they must do anything" name="plan-text">
            <textarea id="plan-text" name="text" maxLength={2000} rows={3} />
          </Field>
          <button type="submit">Announce it</button>
          <p class="hint">
            What was announced before it began does not count against the uptime that is published.
          </p>
        </Form>
      </details>
    </section>
  );
}
