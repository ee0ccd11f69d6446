import { Field } from '../parts/confirm.tsx';
import { Hash } from '../parts/copy.tsx';
import { Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { Act, Form } from './act.tsx';
import type { Prices } from './api-views.ts';
import { operatorPage } from './operator-page.tsx';

const PATH = '/operator/prices';

/** `/operator/prices`: what is asked of whom for what? */
export const pricesPage = operatorPage(PATH, async ({ reader, pool, may, token }) => {
  const found = pool.chain ? await reader.json<Prices>('/api/v1/prices') : undefined;
  const form = { token, goOn: PATH };
  return {
    title: 'Prices',
    current: PATH,
    content: (
      <>
        <h1>{found ? 'What gateways pay' : 'Nobody pays here: this pool works off chain'}</h1>
        {!found && (
          <p class="prose">
            Work is counted and receipts are signed all the same. Prices are asked once the pool is
            started with <code>--network</code> and <code>--eth-url</code>.
          </p>
        )}
        {found && (
          <>
            <Table
              caption="Prices, what is asked of everybody first"
              rows={found.prices}
              keyOf={({ gateway = '', pipeline = '', model = '' }) =>
                `${gateway} ${pipeline} ${model}`
              }
              empty="No price is set."
              columns={[
                {
                  title: 'Of whom',
                  cell: ({ gateway }) =>
                    gateway === undefined ? (
                      'every gateway'
                    ) : (
                      <Hash value={gateway} label="Gateway" />
                    ),
                },
                {
                  title: 'For what',
                  cell: ({ pipeline, model }) =>
                    pipeline === undefined
                      ? 'video'
                      : `${pipeline}${model === undefined ? '' : `, ${model}`}`,
                },
                { title: 'Price', figures: true, cell: ({ price }) => priceText(price) },
                {
                  title: 'Wei for a pixel or unit',
                  figures: true,
                  cell: ({ weiPerUnit }) => spaced(weiPerUnit),
                },
                {
                  title: 'Set',
                  cell: (line) =>
                    line.setAt === undefined ? (
                      <span class="muted">by the settings</span>
                    ) : (
                      <Time at={line.setAt} />
                    ),
                },
                ...(may('finance') && found.prices.some(({ setAt }) => setAt !== undefined)
                  ? [
                      {
                        title: 'Change',
                        cell: (line: PriceLine) =>
                          line.setAt === undefined ? null : (
                            <Act
                              action="/api/v1/prices/reset"
                              hidden={scopeOf(line)}
                              button={
                                line.settings === undefined
                                  ? 'Take it back'
                                  : `Back to ${line.settings}`
                              }
                              {...form}
                            />
                          ),
                      },
                    ]
                  : []),
              ]}
            />
            {may('finance') && <SetPrice form={form} pipelines={found.pipelines} />}
          </>
        )}
      </>
    ),
  };
});

type PriceLine = Prices['prices'][number];

function scopeOf({ gateway, pipeline, model }: PriceLine): Readonly<Record<string, string>> {
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(model === undefined ? {} : { model }),
  };
}

function SetPrice({
  form,
  pipelines,
}: {
  readonly pipelines: readonly string[];
  readonly form: { readonly token: string | undefined; readonly goOn: string };
}) {
  return (
    <section aria-labelledby="set">
      <h2 id="set">Set a price from now on</h2>
      <p class="hint prose">
        Sessions that run keep the price that they were given. Lower prices bring work, higher ones
        keep it for who pays them.
      </p>
      <Form action="/api/v1/prices" {...form}>
        <div class="form row">
          <Field label="Price" name="price" hint="1000wei, or 0.05USD per 1e12">
            <input id="price" name="price" required autocomplete="off" />
          </Field>
          <Field label="For" name="pipeline">
            <select id="pipeline" name="pipeline">
              <option value="">video</option>
              {pipelines.map((pipeline) => (
                <option key={pipeline} value={pipeline}>
                  {pipeline}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Only this model" name="model" hint="Of the pipeline; empty: default">
            <input id="model" name="model" maxLength={200} autocomplete="off" />
          </Field>
          <Field label="Only of this gateway" name="gateway" hint="An address; empty: everybody">
            <input id="gateway" name="gateway" class="mono" size={44} autocomplete="off" />
          </Field>
        </div>
        <button type="submit">Set it</button>
      </Form>
    </section>
  );
}

/** `1000000000wei` as people read it: `1,000,000,000 wei`; other ways to write a price as they are. */
function priceText(price: string): string {
  const [, digits, unit] = /^(\d+)([a-zA-Z]+)$/.exec(price) ?? [];
  return digits === undefined ? price : `${spaced(digits)} ${unit}`;
}

/** A whole number with a comma before each three digits; anything else as it is. */
function spaced(digits: string): string {
  return /^\d+$/.test(digits) ? digits.replace(/\B(?=(\d{3})+$)/g, ',') : digits;
}
