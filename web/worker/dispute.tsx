import { Amount } from '../parts/amount.tsx';
import { Field, PostForm } from '../parts/confirm.tsx';
import { Facts } from '../parts/figures.tsx';
import { Island } from '../parts/island.tsx';
import { Time } from '../parts/time.tsx';
import type { DisputeWhole } from './api-views.ts';
import { aboutText, DisputeState } from './disputes.tsx';
import { type WorkerParts, workerPage } from './worker-page.tsx';

/** `/worker/disputes/ID`: what was said, what happens next, and what can I do? */
export const disputePage = workerPage('/worker/disputes/{dispute}', async (parts) => {
  const { reader, params } = parts;
  const found = await reader.json<DisputeWhole>(`/api/v1/me/disputes/${params.dispute}`);
  if (!found) return undefined;
  const isOpen = found.state === 'open' || found.state === 'answered';
  return {
    title: aboutText(found),
    current: '/worker/disputes',
    content: (
      <>
        <p class="crumbs">
          <a href="/worker/disputes">Disputes</a>
        </p>
        <h1>{aboutText(found)}</h1>
        <p class="lead">
          <DisputeState of={found} />
        </p>
        <Facts of={factsOf(found)} />
        <section aria-labelledby="said">
          <h2 id="said">What was said</h2>
          {found.events.map((event) => (
            <Said key={event.sequence} of={event} />
          ))}
        </section>
        {isOpen && <Answer of={parts} dispute={found} />}
      </>
    ),
  };
});

function factsOf({ about, claimed, setAside, award, worker, epoch, id }: DisputeWhole) {
  const line = /\/(\d+)$/.exec(about)?.[1];
  const at = line === undefined ? '' : `#line-${line}`;
  return [
    {
      label: 'About',
      value: <a href={`/worker/statements/${epoch}?worker=${worker}${at}`}>{about}</a>,
    },
    { label: 'You claim', value: claimed === null ? 'no amount' : <Amount of={claimed} /> },
    ...(setAside === null
      ? []
      : [{ label: 'Set aside until it is decided', value: <Amount of={setAside} /> }]),
    ...(award === null
      ? []
      : [{ label: 'Awarded', value: <Amount of={award} />, note: 'with the next statement' }]),
    { label: 'Name of this dispute', value: <code>{id}</code> },
  ];
}

type Event = DisputeWhole['events'][number];

const WHO: Readonly<Record<Event['by'], string>> = {
  worker: 'You',
  operator: 'The operator',
  pool: 'The pool, by itself',
};
const DID: Readonly<Record<string, string>> = {
  opened: 'opened the dispute',
  answered: 'answered',
  replied: 'wrote',
  decided: 'decided',
  withdrawn: 'withdrew',
  lapsed: 'let it lapse in your favour',
  overdue: 'noted that it is late',
};

function Said({ of: { at, by, event, text, evidence } }: { readonly of: Event }) {
  return (
    <div class="said">
      <p class="hint">
        {WHO[by]} {DID[event] ?? event}, <Time at={at} />
      </p>
      {text !== '' && <p class="text">{text}</p>}
      {evidence.length > 0 && (
        <p class="hint">
          Evidence:{' '}
          {evidence.map((id, place) => (
            <span key={id}>
              {place > 0 && ', '}
              <code>{id}</code>
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

function Answer({ of, dispute }: { readonly of: WorkerParts; readonly dispute: DisputeWhole }) {
  const here = `/worker/disputes/${dispute.id}`;
  const action = `/api/v1/me/disputes/${dispute.id}`;
  return (
    <>
      <section aria-labelledby="reply">
        <h2 id="reply">Say more</h2>
        <Island name="form" props={{}}>
          <PostForm action={`${action}/reply`} token={of.token} goOn={here}>
            <TextField label="Your words" />
            <EvidenceField />
            <button type="submit">Send</button>
          </PostForm>
        </Island>
      </section>
      <section aria-labelledby="withdraw">
        <h2 id="withdraw">Withdraw</h2>
        <p class="prose">
          This ends the dispute for good: the line stays as it was, and cannot be disputed again.
        </p>
        <details>
          <summary>Withdraw it</summary>
          <Island name="form" props={{}}>
            <PostForm action={`${action}/withdraw`} token={of.token} goOn={here}>
              <TextField label="Why" id="why-text" />
              <button type="submit" class="danger">
                Withdraw for good
              </button>
            </PostForm>
          </Island>
        </details>
      </section>
    </>
  );
}

/** Plain text, as people read it who decide about money. */
export function TextField({
  label,
  id = 'text',
  value,
}: {
  readonly label: string;
  readonly id?: string;
  readonly value?: string;
}) {
  return (
    <Field label={label} name={id} hint="Plain text, up to 2,000 characters.">
      <textarea id={id} name="text" required maxlength={2000}>
        {value}
      </textarea>
    </Field>
  );
}

/** A list cannot be posted plainly: it comes with the script. */
export function EvidenceField() {
  return (
    <fieldset hidden disabled data-needs-script>
      <Field
        label="Evidence, one id a line"
        name="evidence"
        hint="Hashes of receipts, ids of lines, or what a statement names as seen. May be empty."
      >
        <textarea id="evidence" name="evidence" class="mono short" data-as="list" />
      </Field>
    </fieldset>
  );
}
