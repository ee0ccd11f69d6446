import { Field } from '../parts/confirm.tsx';
import { Hash } from '../parts/copy.tsx';
import { Island } from '../parts/island.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Danger, Form } from './act.tsx';
import type { OperatorLine } from './api-views.ts';
import { operatorPage } from './operator-page.tsx';

const PATH = '/operator/people';
const ROLES = [
  ['viewer', 'sees everything, changes nothing'],
  ['support', 'pauses and quarantines workers, answers disputes, tells of incidents'],
  ['finance', 'sets prices, runs payouts, decides disputes'],
  ['owner', 'all of it, and terms, chain, people'],
] as const;

/** `/operator/people`: who may run this pool? For owners. */
export const peoplePage = operatorPage(PATH, async ({ reader, token, who, may }) => {
  const operators = await reader.json<OperatorLine[]>('/api/v1/operators');
  if (!operators || !may('owner')) return undefined;
  const form = { token, goOn: PATH };
  return {
    title: 'People',
    current: PATH,
    content: (
      <>
        <h1>
          {operators.length === 1
            ? '1 person runs this pool'
            : `${operators.length} people run this pool`}
        </h1>
        <p class="hint">
          You are {who.name}. The admin token on the machine of the pool acts as an owner, too.
        </p>
        <Table
          caption="Operators"
          rows={operators}
          keyOf={({ id }) => id}
          empty="Nobody but who has the admin token."
          columns={[
            {
              title: 'Name',
              cell: ({ id, name }) => (
                <a href={`/operator/audit?actor=${encodeURIComponent(id)}`}>{name}</a>
              ),
            },
            {
              title: 'Role',
              cell: ({ role }) => `${role}: ${ROLES.find(([one]) => one === role)?.[1]}`,
            },
            {
              title: 'Wallet',
              cell: ({ address }) =>
                address === undefined ? (
                  <span class="muted">links only</span>
                ) : (
                  <Hash value={address} label="Wallet" />
                ),
            },
            { title: 'Since', cell: ({ addedAt }) => <Time at={addedAt} detail="date" /> },
          ]}
        />
        <section aria-labelledby="links">
          <h2 id="links">Login links</h2>
          <p class="hint">A link signs its person in once, within ten minutes.</p>
          <Island
            name="once"
            props={{
              offers: operators.map(({ name }) => ({
                path: `/api/v1/operators/${name}/link`,
                label: `Make a link for ${name}`,
              })),
            }}
          >
            <p class="empty">This takes JavaScript; or run tributary operators link NAME.</p>
          </Island>
        </section>
        <section aria-labelledby="add">
          <h2 id="add">Add somebody</h2>
          <Form action="/api/v1/operators" {...form}>
            <div class="form row">
              <Field label="Name" name="name">
                <input id="name" name="name" required maxLength={64} autocomplete="off" />
              </Field>
              <Field label="Role" name="role">
                <select id="role" name="role">
                  {ROLES.map(([role, text]) => (
                    <option key={role} value={role}>
                      {role}: {text}
                    </option>
                  ))}
                </select>
              </Field>
              <Field label="Wallet" name="address" hint="May be empty: then by links">
                <input id="address" name="address" class="mono" size={44} autocomplete="off" />
              </Field>
            </div>
            <button type="submit">Add</button>
          </Form>
        </section>
        <section aria-labelledby="remove">
          <h2 id="remove">Remove somebody</h2>
          {operators.map(({ id, name, role }) => (
            <Danger
              key={id}
              id={`remove-${id}`}
              summary={`Remove ${name}, ${role}`}
              action={`/api/v1/operators/${name}/remove`}
              consequence="Its sessions end at once. What it did stays in the audit log."
              phrase={`remove ${name}`}
              button="Remove"
              {...form}
            />
          ))}
        </section>
      </>
    ),
  };
});
