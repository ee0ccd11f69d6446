import { Amount, Amounts } from '../parts/amount.tsx';
import { Field } from '../parts/confirm.tsx';
import { Hash } from '../parts/copy.tsx';
import { StateText, type Tone } from '../parts/state.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Act, Form } from './act.tsx';
import type { Due, KeptPlan, PayoutLine, PayoutStatus } from './api-views.ts';
import { payoutStates } from './holds.ts';
import { type OperatorParts, operatorPage, workerNames } from './operator-page.tsx';
import { Held, Shares } from './plan-tables.tsx';

const PATH = '/operator/payouts';
/** The rest is on the page that everybody reads. */
const ROWS_MAX = 50;

/** `/operator/payouts`: what would go out, what is on its way, what waits? */
export const payoutsPage = operatorPage(PATH, async (parts) => {
  const { reader, request, may, token } = parts;
  const demand = request.query.get('demand') === 'schedule' ? 'schedule' : 'now';
  const nameOf = await workerNames(parts);
  const [status, due, plans] = await Promise.all([
    reader.json<PayoutStatus>('/api/v1/payouts/status'),
    reader.json<Due>(`/api/v1/payouts/due?demand=${demand}`),
    reader.json<KeptPlan[]>('/api/v1/payouts/plans'),
  ]);
  if (!status || !due) return undefined;
  return {
    title: 'Payouts',
    current: PATH,
    content: (
      <>
        <h1>{headline(due)}</h1>
        <InDoubt of={status.inDoubt} nameOf={nameOf} parts={parts} />
        <section aria-labelledby="due">
          <h2 id="due">What would go out now</h2>
          <p class="hint">
            {demand === 'now' ? (
              <>
                Whatever is owed and may be paid, asked for by you.{' '}
                <a href={`${PATH}?demand=schedule`}>Only what the schedule of the terms wants</a>
              </>
            ) : (
              <>
                What the schedule of the terms wants. <a href={PATH}>Whatever may be paid</a>
              </>
            )}
          </p>
          <Shares of={due} />
          {due.shares.length > 0 && may('finance') && (
            <Form
              action="/api/v1/payouts/preview"
              token={token}
              goOn={`${PATH}/plans/{digest}`}
              hidden={{ demand }}
            >
              <button type="submit">Make this a plan</button>
              <p class="hint">Nothing is sent yet: the next page shows the plan, and sends it.</p>
            </Form>
          )}
        </section>
        {due.held.length > 0 && (
          <section aria-labelledby="held">
            <h2 id="held">Held back</h2>
            <Held of={due.held} />
          </section>
        )}
        <section aria-labelledby="plans">
          <h2 id="plans">Plans that can still be run</h2>
          <Plans of={plans ?? []} />
        </section>
        <section aria-labelledby="pauses">
          <h2 id="pauses">Pauses</h2>
          <Pauses of={status} parts={parts} />
        </section>
        <Changes of={status} parts={parts} nameOf={nameOf} />
        <section aria-labelledby="newest">
          <h2 id="newest">Payouts, the last first</h2>
          <Newest of={status.newest} doubt={status.inDoubt.oldest} nameOf={nameOf} />
          <p class="hint">
            <a href="/payouts">All of them, as everybody reads them</a>
          </p>
        </section>
      </>
    ),
  };
});

function headline({ shares, sends }: Due) {
  if (shares.length === 0) return 'Nothing goes out now';
  const workers = new Set(shares.map(({ worker }) => worker)).size;
  return (
    <>
      <Amounts of={sends} /> for {workers} {workers === 1 ? 'worker' : 'workers'} can go out now
    </>
  );
}

function Plans({ of }: { readonly of: readonly KeptPlan[] }) {
  return (
    <Table
      caption="Plans of the last 24 hours that were not run"
      rows={of}
      keyOf={({ digest }) => digest}
      empty="None. A plan is made above, or by the schedule, and lapses after 24 hours."
      columns={[
        {
          title: 'Plan',
          cell: ({ digest }) => (
            <a href={`${PATH}/plans/${digest}`}>
              <code>{digest.slice(0, 12)}</code>
            </a>
          ),
        },
        { title: 'Made', cell: ({ at }) => <Time at={at} /> },
        {
          title: 'Approvals',
          cell: ({ approvalsNeeded, approvedBy }) =>
            approvalsNeeded === 0 ? 'none needed' : `${approvedBy.length} of ${approvalsNeeded}`,
        },
        { title: 'Workers', figures: true, cell: ({ workers }) => workers },
        { title: 'Sends', figures: true, cell: ({ sends }) => <Amounts of={sends} /> },
      ]}
    />
  );
}

function Pauses({
  of,
  parts: { may, token },
}: {
  readonly of: PayoutStatus;
  readonly parts: OperatorParts;
}) {
  const form = { token, goOn: `${PATH}#pauses` };
  return (
    <>
      {of.pauses.length === 0 ? (
        <p class="state good">Nothing is paused.</p>
      ) : (
        <ul class="plain-list stack">
          {of.pauses.map(({ asset, since, reason }) => (
            <li key={asset ?? ''}>
              <StateText tone="attention">
                {asset ?? 'Everything'} is paused
                {typeof reason === 'string' && `: ${PAUSED[reason] ?? reason}`}
              </StateText>{' '}
              {typeof since === 'number' && (
                <span class="muted">
                  since <Time at={since} />
                </span>
              )}
              {may('finance') && reason !== 'insolvent' && (
                <Act
                  action="/api/v1/payouts/resume"
                  button={`Resume ${asset ?? 'all payouts'}`}
                  hidden={asset === undefined ? {} : { asset }}
                  {...form}
                />
              )}
            </li>
          ))}
        </ul>
      )}
      {may('finance') && (
        <Form action="/api/v1/payouts/pause" row {...form}>
          <Field label="Pause this asset" name="asset" hint="Empty: all of them">
            <input id="asset" name="asset" size={8} autocomplete="off" />
          </Field>
          <button type="submit" class="quiet">
            Pause payouts
          </button>
        </Form>
      )}
    </>
  );
}
const PAUSED: Readonly<Record<string, string>> = {
  operator: 'by an operator',
  token_takes_fee: 'the token keeps a part of what is sent',
  token_tells_nothing: 'the token does not say what it moved',
  insolvent: 'there is less than is owed; payouts go on by themselves once there is enough',
};

function Changes({
  of: { addressChanges },
  parts: { may, token },
  nameOf,
}: {
  readonly of: PayoutStatus;
  readonly parts: OperatorParts;
  readonly nameOf: (id: string) => string;
}) {
  if (addressChanges.length === 0) return null;
  return (
    <section aria-labelledby="addresses">
      <h2 id="addresses">Addresses that change</h2>
      <Table
        caption="Changes of addresses that wait"
        rows={addressChanges}
        keyOf={({ worker, nonce }) => `${worker} ${nonce}`}
        empty="None."
        columns={[
          {
            title: 'Worker',
            cell: ({ worker }) => <a href={`/operator/workers/${worker}`}>{nameOf(worker)}</a>,
          },
          {
            title: 'New address',
            cell: ({ newAddress }) => <Hash value={newAddress} label="New address" />,
          },
          {
            title: 'Asked by',
            cell: ({ askedBy }) =>
              askedBy === 'operator' ? 'an operator' : 'the worker, with both signatures',
          },
          { title: 'Takes effect', cell: ({ effectiveAt }) => <Time at={effectiveAt} /> },
          {
            title: 'Stop',
            cell: ({ worker }) =>
              may('support') && (
                <Act
                  action={`/api/v1/payouts/workers/${worker}/stop-address`}
                  button="Stop it"
                  token={token}
                  goOn={PATH}
                />
              ),
          },
        ]}
      />
    </section>
  );
}

function Newest({
  of,
  doubt,
  nameOf,
}: {
  /** Newest last. */
  readonly of: readonly PayoutLine[];
  /** These have a place of their own. */
  readonly doubt: readonly PayoutLine[];
  readonly nameOf: (id: string) => string;
}) {
  const apart = new Set(doubt.map(({ id }) => id));
  return (
    <Table
      caption="Payouts"
      rows={of.toReversed().slice(0, ROWS_MAX)}
      keyOf={({ id }) => id}
      empty="Nothing was paid yet."
      columns={[
        {
          title: 'Worker',
          cell: ({ id, worker }) => (
            <a id={apart.has(id) ? undefined : `payout-${id}`} href={`/operator/workers/${worker}`}>
              {nameOf(worker)}
            </a>
          ),
        },
        { title: 'Made', cell: ({ createdAt }) => <Time at={createdAt} /> },
        {
          title: 'State',
          cell: (one) => (
            <StateText tone={toneOf(one)}>
              {payoutStates[one.state] ?? one.state}
              {typeof one.reason === 'string' && `: ${one.reason.replaceAll('_', ' ')}`}
            </StateText>
          ),
        },
        {
          title: 'Transaction',
          cell: ({ reference }) =>
            typeof reference === 'string' ? (
              <Hash value={reference} label="Transaction" />
            ) : (
              <span class="muted">none</span>
            ),
        },
        {
          title: 'Amount',
          figures: true,
          cell: ({ asset, amount }) => (
            <Amount of={{ asset, amount, decimals: decimalsOf(asset) }} />
          ),
        },
      ]}
    />
  );
}

/** Of what is paid on this chain; the page of everybody knows those of other tokens by the terms. */
function decimalsOf(asset: string): number {
  return asset === 'ETH' || asset === 'LPT' ? 18 : asset === 'USDC' || asset === 'USDT' ? 6 : 0;
}

function toneOf({ state }: PayoutLine): Tone {
  if (state === 'final') return 'good';
  if (state === 'failed' || state === 'unproven' || state === 'returned') return 'wrong';
  return 'plain';
}

function InDoubt({
  of: { count, oldest },
  nameOf,
  parts: { may, token },
}: {
  readonly of: PayoutStatus['inDoubt'];
  readonly nameOf: (id: string) => string;
  readonly parts: OperatorParts;
}) {
  if (count === 0) return null;
  return (
    <section aria-labelledby="doubt">
      <h2 id="doubt">What the chain does not show</h2>
      <p class="prose">
        Look each transaction up with another node or an explorer. What{' '}
        {may('finance') ? 'you say here' : 'somebody with the role finance says here'} is booked,
        and decides whether the worker is owed it again.
        {count > oldest.length &&
          ` These are the oldest ${oldest.length} of ${count}: the others follow.`}
      </p>
      {oldest.map(({ id, worker, asset, amount, reference, createdAt }) => (
        <div key={id} id={`payout-${id}`} class="stack">
          <p>
            <Amount of={{ asset, amount, decimals: decimalsOf(asset) }} /> to{' '}
            <a href={`/operator/workers/${worker}`}>{nameOf(worker)}</a>, <Time at={createdAt} />
            {typeof reference === 'string' && (
              <>
                {': '}
                <Hash value={reference} label="Transaction" />
              </>
            )}
          </p>
          {may('finance') && (
            <>
              <Form
                action="/api/v1/payouts/resolve"
                row
                token={token}
                goOn={PATH}
                hidden={{ payout: id }}
              >
                <Field label='Type "it did not move"' name={`confirm-${id}`}>
                  <input id={`confirm-${id}`} name="confirm" required autocomplete="off" />
                </Field>
                <button type="submit" class="danger">
                  It did not move: owe it again
                </button>
              </Form>
              <p class="hint">
                It did move? Run <code>tributary payouts resolve {id} --moved</code>.
              </p>
            </>
          )}
        </div>
      ))}
    </section>
  );
}
