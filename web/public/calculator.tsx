import { Amount } from '../parts/amount.tsx';
import { StateText } from '../parts/state.tsx';
import type { EstimateView } from './api-views.ts';

/** What would my GPU earn? Answered from what others of its kind earned here, or not at all. */
export function Calculator({
  known,
  answer,
}: {
  readonly known: readonly EstimateView[];
  readonly answer: EstimateView | undefined;
}) {
  const classes = known.map(({ gpuClass }) => gpuClass);
  return (
    <>
      <form method="get" action="/#earn" class="form row">
        <div class="field">
          <label for="gpu">Your GPU</label>
          <input
            id="gpu"
            name="gpu"
            type="text"
            maxLength={64}
            required
            list="gpus"
            placeholder="RTX 4070"
            autocomplete="off"
            value={answer?.gpuClass ?? ''}
          />
          <datalist id="gpus">
            {classes.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </div>
        <button type="submit">Estimate</button>
      </form>
      {answer === undefined ? (
        <p class="empty">
          {classes.length === 0
            ? 'The pool is too young to say what a GPU earns here: it takes two weeks of two workers with the same hardware. It names no figure that it has not seen.'
            : `Known here: ${classes.join(', ')}. The answer comes from what they earned, not from a promise.`}
        </p>
      ) : (
        <div class="stack" role="status">
          {answer.perWeek.map(({ low, middle, high }) => (
            <p key={low.asset} class="lead">
              <Amount of={low} /> to <Amount of={high} /> a week, the middle is{' '}
              <Amount of={middle} />.
            </p>
          ))}
          <p class="prose">
            <StateText tone={answer.sure === 'well' ? 'good' : 'attention'}>
              {SURE[answer.sure ?? 'not']}
            </StateText>{' '}
            {answer.text}
          </p>
          <p class="hint">
            For a machine that is always there. Demand changes, and what others earned is no
            promise.
          </p>
        </div>
      )}
    </>
  );
}

const SURE: Readonly<Record<NonNullable<EstimateView['sure']> | 'not', string>> = {
  well: 'Well founded.',
  somewhat: 'Somewhat sure.',
  not: 'Nothing can be said.',
};
