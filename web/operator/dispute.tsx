import { showAsset } from '../../src/base/amounts.ts';
import { Amount, type AmountView } from '../parts/amount.tsx';
import { Field } from '../parts/confirm.tsx';
import { Facts } from '../parts/figures.tsx';
import { Time } from '../parts/time.tsx';
import { aboutText } from '../worker/disputes.tsx';
import { Danger, Form } from './act.tsx';
import type { DisputeWhole } from './api-views.ts';
import { DisputeState } from './disputes.tsx';
import { type OperatorParts, operatorPage, workerNames } from './operator-page.tsx';

const WHO = {
  worker: 'The worker',
  operator: 'The operator',
  pool: 'The pool, by itself',
} as const;

/** `/operator/disputes/ID`: what is said, and answer or decide it. */
export const disputePage = operatorPage('/operator/disputes/{dispute}', async (parts) => {
  const { reader, params } = parts;
  const found = await reader.json<DisputeWhole>(`/api/v1/disputes/${params.dispute}`);
  if (!found) return undefined;
  const nameOf = await workerNames(parts);
  const isOpen = found.state === 'open' || found.state === 'answered';
  return {
    title: aboutText(found),
    current: '/operator/disputes',
    content: (
      <>
        <p class="crumbs">
          <a href="/operator/disputes">Disputes</a>
        </p>
        <h1>{aboutText(found)}</h1>
        <p class="lead">
          <DisputeState of={found} />
        </p>
        <Facts of={factsOf(found, nameOf)} />
        <section aria-labelledby="said">
          <h2 id="said">What was said</h2>
          {found.events.map(({ sequence, by, event, at, text, evidence }) => (
            <div key={sequence} class="said">
              <p class="hint">
                {WHO[by]}: {event}, <Time at={at} />
              </p>
              {text !== '' && <p class="text">{text}</p>}
              {evidence.length > 0 && <p class="hint">Evidence: {evidence.join(', ')}</p>}
            </div>
          ))}
        </section>
        {isOpen && parts.may('support') && <Answer of={parts} dispute={found} />}
        {found.state === 'answered' && parts.may('finance') && (
          <Decide of={parts} dispute={found} />
        )}
        {found.state === 'open' && parts.may('finance') && (
          <p class="hint">It can be decided once it is answered.</p>
        )}
      </>
    ),
  };
});

function factsOf(
  { about, claimed, setAside, award, worker, epoch }: DisputeWhole,
  nameOf: (id: string) => string,
) {
  return [
    { label: 'Worker', value: <a href={`/operator/workers/${worker}`}>{nameOf(worker)}</a> },
    {
      label: 'About',
      value: (
        <>
          <code>{about}</code> <a href={`/epochs/${epoch}/${worker}`}>its lines in epoch {epoch}</a>
        </>
      ),
    },
    { label: 'Claims', value: claimed === null ? 'no amount' : <Amount of={claimed} /> },
    ...(setAside === null ? [] : [{ label: 'Set aside', value: <Amount of={setAside} /> }]),
    ...(award === null ? [] : [{ label: 'Awarded', value: <Amount of={award} /> }]),
  ];
}

interface Parts {
  readonly of: OperatorParts;
  readonly dispute: DisputeWhole;
}

function Words({ id, label }: { readonly id: string; readonly label: string }) {
  return (
    <Field label={label} name={id} hint="Plain text. The worker reads it.">
      <textarea id={id} name="text" required maxLength={4000} rows={4} />
    </Field>
  );
}

function Answer({ of: { token }, dispute: { id, state } }: Parts) {
  return (
    <section aria-labelledby="answer">
      <h2 id="answer">{state === 'open' ? 'Answer' : 'Say more'}</h2>
      <Form
        action={`/api/v1/disputes/${id}/answer`}
        token={token}
        goOn={`/operator/disputes/${id}`}
      >
        <Words id="answer-text" label="Your answer" />
        <button type="submit">Answer</button>
      </Form>
    </section>
  );
}

function Decide({ of: { token }, dispute: { id, claimed } }: Parts) {
  const form = {
    token,
    action: `/api/v1/disputes/${id}/decide`,
    goOn: `/operator/disputes/${id}`,
  };
  return (
    <section aria-labelledby="decide">
      <h2 id="decide">Decide, for good</h2>
      {claimed !== null && (
        <Danger
          id="uphold"
          summary="The worker is right"
          consequence={
            <>
              This awards <Amount of={claimed} />, paid with the next epoch that is settled.
            </>
          }
          phrase={`award ${shown(claimed)}`}
          button="Award it"
          hidden={{ outcome: 'upheld' }}
          {...form}
        >
          <Words id="uphold-text" label="Why" />
        </Danger>
      )}
      <Danger
        id="part"
        summary={claimed === null ? 'The worker is right' : 'The worker is right in part'}
        consequence="This awards what you write above. "
        phrase={`award … ${claimed?.asset ?? 'ETH'}`}
        button="Award it"
        hidden={{ outcome: claimed === null ? 'upheld' : 'partly' }}
        {...form}
      >
        <Words id="part-text" label="Why" />
        <Field label={`Award, in ${claimed?.asset ?? 'ETH'}`} name="award">
          <input
            id="award"
            name="award"
            inputmode="decimal"
            required
            autocomplete="off"
            data-as="amount"
            data-asset={claimed?.asset ?? 'ETH'}
            data-decimals={claimed?.decimals ?? 18}
          />
        </Field>
      </Danger>
      <Danger
        id="refuse"
        summary="It stays as it was"
        consequence="This ends the dispute: the worker gets nothing for it."
        phrase="refuse for good"
        button="Refuse it"
        hidden={{ outcome: 'refused' }}
        {...form}
      >
        <Words id="refuse-text" label="Why" />
      </Danger>
    </section>
  );
}

function shown({ asset, amount, decimals }: AmountView): string {
  return showAsset(BigInt(amount), asset, decimals);
}
