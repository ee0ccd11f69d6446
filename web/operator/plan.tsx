import { showCount } from '../../src/base/figures.ts';
import { Amount, Amounts } from '../parts/amount.tsx';
import { Field } from '../parts/confirm.tsx';
import { Hash } from '../parts/copy.tsx';
import { Facts } from '../parts/figures.tsx';
import { StateText } from '../parts/state.tsx';
import { Time } from '../parts/time.tsx';
import { Danger, Form } from './act.tsx';
import type { KeptPlan } from './api-views.ts';
import { operatorPage } from './operator-page.tsx';
import { Shares } from './plan-tables.tsx';

/** `/operator/payouts/plans/DIGEST`: what does this send, who said yes, and send it. */
export const planPage = operatorPage('/operator/payouts/plans/{digest}', async (parts) => {
  const { reader, params, may, token, request } = parts;
  const plan = await reader.json<KeptPlan>(`/api/v1/payouts/plans/${params.digest}`);
  if (!plan) return undefined;
  const { digest, phrase, runAt, approvalsNeeded, approvedBy, workers } = plan;
  const isOld = request.now - Date.parse(plan.at) > 24 * 3_600_000;
  const lacking = Math.max(0, approvalsNeeded - approvedBy.length);
  const canRun = runAt === null && !isOld && phrase !== null;
  const here = `/operator/payouts/plans/${digest}`;
  return {
    title: `Plan ${digest.slice(0, 12)}`,
    current: '/operator/payouts',
    content: (
      <>
        <p class="crumbs">
          <a href="/operator/payouts">Payouts</a>
        </p>
        <h1>
          A plan to send <Amounts of={plan.sends} /> to {workers}{' '}
          {workers === 1 ? 'worker' : 'workers'}
        </h1>
        <p class="lead">
          <State of={plan} isOld={isOld} lacking={lacking} />
        </p>
        <Facts
          of={[
            { label: 'Made', value: <Time at={plan.at} /> },
            {
              label: 'Leaves in',
              value: `${showCount(plan.batches)} ${plan.batches === 1 ? 'part' : 'parts'}`,
            },
            {
              label: 'Gas, reckoned',
              value: plan.gas.amount === '0' ? 'none' : <Amount of={plan.gas} />,
            },
            { label: 'By terms', value: `version ${plan.termsVersion}` },
            {
              label: 'Approved by',
              value:
                approvalsNeeded === 0
                  ? 'nobody has to'
                  : approvedBy.length === 0
                    ? `nobody yet, ${approvalsNeeded} have to`
                    : `${approvedBy.join(', ')}: ${approvedBy.length} of ${approvalsNeeded}`,
            },
            { label: 'Digest', value: <Hash value={digest} label="Digest of the plan" /> },
          ]}
        />
        <section aria-labelledby="shares">
          <h2 id="shares">Who gets what</h2>
          <Shares of={plan} />
        </section>
        {canRun && approvalsNeeded > 0 && may('finance') && (
          <section aria-labelledby="approve">
            <h2 id="approve">Approve</h2>
            <Form action="/api/v1/payouts/approve" token={token} goOn={here} hidden={{ digest }}>
              <Field
                label="Your own approval token"
                name="token"
                hint="Each approver was given one with tributary payouts add-approver NAME."
              >
                <input id="token" name="token" type="password" required autocomplete="off" />
              </Field>
              <button type="submit">Approve this plan</button>
            </Form>
          </section>
        )}
        {canRun && lacking === 0 && may('finance') && (
          <section aria-labelledby="run">
            <h2 id="run">Send it</h2>
            <Danger
              id="run-confirm"
              open
              summary="Send it"
              action="/api/v1/payouts/run"
              token={token}
              goOn="/operator/payouts#newest"
              hidden={{ digest }}
              consequence={
                <>
                  This sends <Amounts of={plan.sends} /> to {workers}{' '}
                  {workers === 1 ? 'worker' : 'workers'}, and cannot be taken back.
                </>
              }
              phrase={phrase ?? ''}
              button="Send"
            />
          </section>
        )}
      </>
    ),
  };
});

function State({
  of: { runAt, phrase },
  isOld,
  lacking,
}: {
  readonly of: KeptPlan;
  readonly isOld: boolean;
  readonly lacking: number;
}) {
  if (runAt !== null) {
    return (
      <StateText tone="good">
        Run at <Time at={runAt} />. It cannot be run twice.
      </StateText>
    );
  }
  if (phrase === null) return <StateText tone="muted">It sends nothing.</StateText>;
  if (isOld) return <StateText tone="muted">It lapsed: plans are good for 24 hours.</StateText>;
  if (lacking > 0) {
    const who = lacking === 1 ? '1 more person' : `${lacking} more people`;
    return <StateText tone="attention">Nothing was sent. {who} must approve it.</StateText>;
  }
  return <StateText>Nothing was sent. It can be sent below.</StateText>;
}
