import type { Terms } from '../../src/terms/terms.ts';
import { Amounts, type AmountView } from '../parts/amount.tsx';
import { PostForm } from '../parts/confirm.tsx';
import { Facts } from '../parts/figures.tsx';
import { Island } from '../parts/island.tsx';
import { Notice } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import { percent } from '../public/terms-words.ts';
import type { AskedPayout, Payouts } from './api-views.ts';
import { amountText, type NextPayout } from './next-payout.ts';
import { linkOf, type WorkerParts } from './worker-page.tsx';

/** Nothing more happens to these by itself. */
const ENDED: ReadonlySet<string> = new Set(['final', 'failed', 'returned', 'unproven']);

/** Asking for one's payout, where the terms pay on demand: what it would be, and what limits it. */
export function AskPart({
  of,
  terms,
  owed,
  next,
  asked,
  payouts,
}: {
  readonly of: WorkerParts;
  readonly terms: Terms;
  readonly owed: readonly AmountView[];
  readonly next: NextPayout;
  readonly asked: AskedPayout | undefined;
  readonly payouts: Payouts;
}) {
  const { feeShareMax } = terms.payouts;
  const going = payouts.items.filter(({ state }) => !ENDED.has(state)).map((one) => one.amount);
  const waits = asked?.waits;
  const refusal = notNow(terms, owed, { next, isGoing: going.length > 0 });
  return (
    <section aria-labelledby="ask">
      <h2 id="ask">Ask for your payout</h2>
      <p class="prose">
        The terms pay on demand, one payout at a time.{' '}
        {next.least && next.least.amount !== '0'
          ? `It goes out from ${amountText(next.least)} on`
          : 'It goes out whatever its amount'}
        {feeShareMax && `, and while its fee is at most ${percent(feeShareMax)} of it`}.
      </p>
      <Facts
        of={[
          {
            label: 'Owed to you now',
            value: owed.length === 0 ? 'nothing' : <Amounts of={owed} />,
          },
          {
            label: 'On its way already',
            value: going.length === 0 ? 'nothing' : <Amounts of={going} />,
          },
        ]}
      />
      {waits ? (
        <Notice tone="plain" title="You asked, and the operator lets it go.">
          You asked for {waits.sends.map(amountText).join(' and ')} on <Time at={waits.at} />.{' '}
          {waits.approvalsNeeded > 0
            ? `It is so much that ${waits.approvalsNeeded} people must approve it first.`
            : 'In this pool a person sends every payout.'}
        </Notice>
      ) : refusal !== undefined ? (
        <p class="prose">{refusal}</p>
      ) : (
        <Island name="form" props={{}}>
          <PostForm
            action="/api/v1/me/payouts"
            token={of.token}
            goOn={`${linkOf(of, '/worker/payouts')}#ask`}
            hidden={{ worker: of.worker.id }}
          >
            <button type="submit">Ask for your payout</button>
          </PostForm>
        </Island>
      )}
    </section>
  );
}

/** Why asking would bring nothing at this moment, and what changes it; undefined: ask. */
function notNow(
  terms: Terms,
  owed: readonly AmountView[],
  { next: { least }, isGoing }: { readonly next: NextPayout; readonly isGoing: boolean },
): string | undefined {
  if (isGoing) return 'A payout to you is on its way. You can ask again once it is final.';
  const due = owed.filter(({ amount }) => amount !== '0');
  if (due.length === 0) {
    return 'There is nothing to ask for: what an epoch brings is owed to you once the epoch has ended.';
  }
  const leastOf = ({ asset }: AmountView) =>
    asset === least?.asset
      ? BigInt(least.amount)
      : (terms.payouts.thresholds[asset as keyof Terms['payouts']['thresholds']] ?? 0n);
  if (due.some((one) => BigInt(one.amount) >= leastOf(one))) return undefined;
  return `That is too little to go out: you can ask as soon as it has reached the amount above${
    least ? ', or choose a lower one below where the terms allow it' : ''
  }.`;
}
