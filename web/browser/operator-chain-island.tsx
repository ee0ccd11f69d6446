import { render } from 'preact';
import { useState } from 'preact/hooks';
import { parseAmount, parsePercent } from '../../src/base/amounts.ts';
import type { ChainPlan, ChainProgress } from '../operator/api-views.ts';
import type { ChainField, ChainOffer } from '../operator/chain-offers.ts';
import { lpt, wei } from '../operator/treasury.ts';
import { Amount } from '../parts/amount.tsx';
import { Field } from '../parts/confirm.tsx';
import { Hash } from '../parts/copy.tsx';
import { ErrorNote, Notice, StateText, type Tone } from '../parts/state.tsx';
import type { Wake } from './islands.ts';
import { post, Refused } from './post.ts';
import { type Failure, useStep } from './step.ts';

/** Fields, then what they would do and cost, then a phrase to type, then how far it has got. */
export const wake: Wake = (element, props) => {
  element.textContent = '';
  render(<Act offer={(props as { readonly offer: ChainOffer }).offer} />, element);
};

type Values = Readonly<Record<string, string>>;

function Act({ offer }: { readonly offer: ChainOffer }) {
  const [values, setValues] = useState<Values>(() =>
    Object.fromEntries(offer.fields.map((field) => [field.name, startOf(field)])),
  );
  const [plan, setPlan] = useState<ChainPlan | undefined>();
  const [typed, setTyped] = useState('');
  const [progress, setProgress] = useState<ChainProgress | undefined>();
  const { isBusy, failure, step } = useStep();

  const change = (name: string, value: string) => {
    setValues((before) => ({ ...before, [name]: value }));
    // What was shown is no longer what would be sent.
    setPlan(undefined);
    setTyped('');
  };
  const show = () =>
    step(async () => {
      const body = bodyOf(offer, values);
      if ('wrong' in body) throw new Refused(body.wrong, '');
      setPlan(await post<ChainPlan>('/api/v1/chain/prepare', body.body));
    });
  const send = () =>
    step(async () => {
      const body = bodyOf(offer, values);
      if ('wrong' in body) return;
      const sent = { ...body.body, confirm: typed };
      const started = await post<ChainProgress>('/api/v1/chain/submit', sent);
      setProgress(started);
      await follow(started, setProgress);
    });

  if (progress) return <Progress of={progress} failure={failure} />;
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void (plan ? send() : show());
      }}
    >
      <p class="hint">{offer.note}</p>
      {offer.fields.length > 0 && (
        <div class="form row">
          {offer.fields.map((field) => (
            <Input key={field.name} of={field} offer={offer} values={values} change={change} />
          ))}
        </div>
      )}
      {plan && <Plan of={plan} />}
      {plan?.signable && (
        <Field
          label={`Type: ${plan.phrase}`}
          name={idOf(offer, 'confirm')}
          hint="It is sent as soon as you press the button."
        >
          <input
            id={idOf(offer, 'confirm')}
            required
            autocomplete="off"
            spellcheck={false}
            size={Math.min(60, plan.phrase.length + 8)}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </Field>
      )}
      <p class="buttons">
        {!plan && (
          <button type="submit" class="quiet" disabled={isBusy}>
            Show what it does
          </button>
        )}
        {plan?.signable && (
          <button type="submit" class="danger" disabled={isBusy}>
            Send it
          </button>
        )}
      </p>
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </form>
  );
}

function Input({
  of: { name, label, hint, as, options, empty },
  offer,
  values,
  change,
}: {
  readonly of: ChainField;
  readonly offer: ChainOffer;
  readonly values: Values;
  change(name: string, value: string): void;
}) {
  const id = idOf(offer, name);
  const value = values[name] ?? '';
  return (
    <Field label={label} name={id} {...(hint === undefined ? {} : { hint })}>
      {options ? (
        <select id={id} value={value} onChange={(event) => change(name, event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          value={value}
          required={empty === undefined}
          inputMode={as === 'text' ? 'text' : 'decimal'}
          size={as === 'text' ? 44 : 12}
          maxLength={1_000}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => change(name, event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

function Plan({ of }: { readonly of: ChainPlan }) {
  const { effects, warnings, steps, costWei, movesLpt, movesWei, signable } = of;
  return (
    <div class="stack" role="status">
      <h3>What it does</h3>
      <ul>
        {effects.map((text) => (
          <li key={text}>{text}</li>
        ))}
        {movesLpt !== '0' && (
          <li>
            <Amount of={lpt(movesLpt)} /> leave the account of the orchestrator.
          </li>
        )}
        {movesWei !== '0' && (
          <li>
            <Amount of={wei(movesWei)} /> leave it.
          </li>
        )}
        <li>
          {steps.length === 1 ? '1 transaction' : `${steps.length} transactions`}, about{' '}
          <Amount of={wei(costWei)} /> for gas.
        </li>
      </ul>
      {warnings.map((text) => (
        <Notice key={text} tone="attention" title="Mind:">
          {text}
        </Notice>
      ))}
      {!signable && (
        <>
          <Notice tone="attention" title="The key is not with this pool.">
            Sign these where it is kept, one after the other.
          </Notice>
          <ol>
            {steps.map(({ title, to, data, value }) => (
              <li key={title}>
                {title}: to <Hash value={to} label="Contract" />, value {value} wei, data{' '}
                <Hash value={data} label="Data of the call" />
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

const STEP_WORDS: Readonly<
  Record<ChainProgress['steps'][number]['state'], readonly [Tone, string]>
> = {
  waiting: ['muted', 'waits'],
  sent: ['plain', 'is on its way'],
  done: ['good', 'done'],
  failed: ['wrong', 'failed'],
};

function Progress({
  of: { state, steps },
  failure,
}: {
  readonly of: ChainProgress;
  readonly failure: Failure | undefined;
}) {
  return (
    <div class="stack" role="status">
      <ol>
        {steps.map(({ title, state: now, transaction, text }) => {
          const [tone, words] = STEP_WORDS[now];
          return (
            <li key={title}>
              {title}: <StateText tone={tone}>{words}</StateText>{' '}
              {transaction !== undefined && <Hash value={transaction} label="Transaction" />} {text}
            </li>
          );
        })}
      </ol>
      {state === 'running' ? (
        <p class="hint">It goes on without this page; the journal below shows how far it is.</p>
      ) : (
        <p>
          <a href="/operator/chain">See how the orchestrator stands now</a>
        </p>
      )}
      {failure && <ErrorNote title={failure.text} detail="" advice={failure.advice} />}
    </div>
  );
}

/** Asks for news until there will be none; each answer comes when there is some, or after seconds. */
async function follow(
  started: ChainProgress,
  show: (progress: ChainProgress) => void,
): Promise<void> {
  let now = started;
  while (now.state === 'running') {
    const path = `/api/v1/chain/actions/${now.id}/after/${now.version}`;
    const reply = await fetch(path).catch(() => undefined);
    // The journal below has it; this page has lost sight of it.
    if (!reply?.ok) return;
    now = (await reply.json()) as ChainProgress;
    show(now);
  }
}

function startOf({ value, options }: ChainField): string {
  return value ?? options?.[0] ?? '';
}

function idOf({ do: action, fixed }: ChainOffer, name: string): string {
  return [action, ...Object.values(fixed ?? {}), name].join('-');
}

/** What the API takes, or which field is not what it should be. */
function bodyOf(
  offer: ChainOffer,
  values: Values,
): { readonly body: Readonly<Record<string, string>> } | { readonly wrong: string } {
  const body: Record<string, string> = { do: offer.do, ...offer.fixed };
  for (const { name, label, as, empty } of offer.fields) {
    const text = (values[name] ?? '').trim();
    if (text === '' && empty !== undefined) {
      body[name] = empty;
      continue;
    }
    const read = as === 'percent' ? parsePercent(text) : as === 'units' ? parseAmount(text) : text;
    if (read === undefined) {
      const wanted = as === 'percent' ? 'a percentage from 0 to 100' : 'an amount such as 12.5';
      return { wrong: `"${label}" must be ${wanted}.` };
    }
    body[name] = String(read);
  }
  return { body };
}
