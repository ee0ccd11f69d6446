import { Field } from '../parts/confirm.tsx';
import { Act, Danger, Form } from './act.tsx';
import type { Fact, FleetWorker } from './api-views.ts';
import { CredentialDesk } from './credential.tsx';
import type { OperatorParts } from './operator-page.tsx';

interface Parts {
  readonly of: OperatorParts;
  readonly worker: Pick<FleetWorker, 'id' | 'name' | 'state' | 'connections'> & {
    readonly health?: string;
  };
  readonly facts: readonly Fact[];
}

/** What the reader may do with a worker; what its role does not allow is not there. */
export function WorkerActions({ of, worker, facts }: Parts) {
  const { may, token } = of;
  if (worker.state === 'revoked' || !may('support')) return null;
  const { id, name, state, health, connections } = worker;
  const path = `/api/v1/workers/${id}`;
  const form = { token, goOn: `/operator/workers/${id}` };
  const isShut = health === 'quarantined';
  return (
    <section aria-labelledby="act">
      <h2 id="act">Act</h2>
      <div class="buttons">
        {state === 'active' && <Act action={`${path}/pause`} button="Pause" {...form} />}
        {state !== 'active' && <Act action={`${path}/resume`} button="Resume" {...form} />}
        {state === 'active' && <Act action={`${path}/drain`} button="Drain" {...form} />}
        {isShut && <Act action={`${path}/release`} button="Release from quarantine" {...form} />}
      </div>
      <p class="hint">
        Paused: no new sessions until it is resumed. Drained: it finishes what it has. Both are seen
        by its owner.
      </p>
      {state === 'active' && connections > 0 && !isShut && (
        <Form action={`${path}/quarantine`} row {...form}>
          <Field
            label="Quarantine for minutes"
            name="minutes"
            hint="No work for that long, then one session on trial."
          >
            <input
              id="minutes"
              name="minutes"
              type="number"
              min={1}
              max={1440}
              value={10}
              required
            />
          </Field>
          <button type="submit" class="quiet">
            Quarantine
          </button>
        </Form>
      )}
      <Facts id={id} form={form} facts={facts} />
      {may('owner') && (
        <details>
          <summary>Give it a new credential, or its owner a link</summary>
          <CredentialDesk of={of} worker={{ id, name }} />
        </details>
      )}
      <Danger
        id="revoke"
        summary={`Revoke ${name} for good`}
        action={`${path}/revoke`}
        consequence="This cuts the worker off at once and for good. What it earned stays and is paid."
        phrase={`revoke ${name}`}
        button="Revoke"
        {...form}
      />
    </section>
  );
}

const KINDS = [
  ['hardwareClass', 'hardware_class', 'Hardware class'],
  ['region', 'region', 'Region'],
  ['promise', 'promise', 'Promise'],
] as const;

function Facts({
  id,
  form,
  facts,
}: {
  readonly id: string;
  readonly form: { readonly token: string | undefined; readonly goOn: string };
  readonly facts: readonly Fact[];
}) {
  const saidOf = (kind: Fact['kind']) => facts.find((fact) => fact.kind === kind)?.value ?? '';
  const said = KINDS.map(
    ([, kind, label]) => `${label.toLowerCase()} ${saidOf(kind) || 'not said'}`,
  );
  return (
    <details>
      <summary>Say what terms may ask for: {said.join(', ')}</summary>
      <Form action={`/api/v1/workers/${id}/facts`} {...form}>
        <div class="form row">
          {KINDS.map(([name, kind, label]) => (
            <Field key={name} label={label} name={name}>
              <input
                id={name}
                name={name}
                value={saidOf(kind)}
                maxLength={64}
                autocomplete="off"
                data-as="clearable"
              />
            </Field>
          ))}
        </div>
        <p class="hint">It is paid by this from now on, and sees it in its portal.</p>
        <button type="submit" class="quiet">
          Say this
        </button>
      </Form>
    </details>
  );
}
