import type { Page } from '../page.ts';
import { Copyable } from '../parts/copy.tsx';
import { createKept } from '../parts/kept.tsx';
import { Marked } from '../parts/marked.tsx';
import { Scroll } from '../parts/scroll.tsx';
import {
  type ApiDescription,
  type ApiField,
  type ApiNoun,
  type ApiPlaces,
  type ApiRoute,
  clientCallOf,
  curlOf,
  readReference,
} from './api-reference.ts';
import { publicFrame } from './frame.ts';
import { loadPool } from './pool.ts';
import type { Reader } from './reader.ts';

const TITLE = 'API reference';

/** What each noun is about, where its name does not say it. */
const ABOUT: Readonly<Record<string, string>> = {
  attention: 'what needs an operator now',
  audit: 'who changed what',
  calculator: 'what a GPU earned here',
  discord: 'commands of Discord',
  fleet: 'all workers at once',
  incidents: 'downtime and maintenance',
  journal: 'transactions of the pool',
  ledger: 'the books, line by line',
  live: 'the pool as events',
  manifest: 'who the pool is, signed',
  me: 'you, and your own machines',
  notices: 'what people are told',
  openapi: 'this description, for programs',
  operator: 'the fleet as events',
  operators: 'who runs the pool',
  payouts: 'what was paid, and what will be',
  pool: 'who the pool is, and how it performs',
  session: 'signing in and out',
  terms: 'what the pool promises',
  workers: 'machines, one by one',
};

/** A pool describes its API the same as long as it runs, and reading that takes some milliseconds. */
let known: readonly ApiNoun[] | undefined;
async function loadApi(reader: Reader): Promise<readonly ApiNoun[]> {
  if (known) return known;
  const api = await reader.json<ApiDescription>('/api/v1/openapi.json');
  if (!api) throw new Error('the pool does not describe its API');
  known = readReference(api);
  return known;
}

const kept = createKept('doc api');
/** Stands for the address of the pool in what is kept: that is as its reader calls it. */
const ORIGIN = 'https://origin.invalid';

/** `/docs/api`: which route does what I need, and how do I call it? */
export const apiPage: Page = {
  path: '/docs/api',
  async show({ reader, request }) {
    const [loaded, nouns] = await Promise.all([loadPool(reader), loadApi(reader)]);
    const count = nouns.reduce((sum, { routes }) => sum + routes.length, 0);
    return {
      frame: publicFrame(loaded, {
        title: TITLE,
        description: `Every route of the API of ${loaded.pool.name}, with examples.`,
        current: '/docs',
      }),
      content: kept(
        '',
        () => (
          <>
            <Crumbs />
            <h1>{TITLE}</h1>
            <p class="lead">
              {count} routes over HTTP, described for programs in{' '}
              <a href="/api/v1/openapi.json">OpenAPI 3.1</a>. All that these pages show comes out of
              them, and nothing else does.
            </p>
            <Copyable
              label="First call"
              text={`curl '${ORIGIN}/api/v1/pool'\ncurl '${ORIGIN}/api/v1/payouts?format=csv'`}
            />
            <Rules />
            <Client origin={ORIGIN} version={loaded.pool.version} />
            <h2 id="routes">Routes by noun</h2>
            {nouns.map((noun) => (
              <NounIndex key={noun.name} of={noun} />
            ))}
          </>
        ),
        (html) => html.replaceAll(ORIGIN, request.origin),
      ),
    };
  },
};

/** `/docs/api/NOUN`: each of its routes whole. */
export const apiNounPage: Page = {
  path: '/docs/api/{noun}',
  async show({ reader, request, params }) {
    const [loaded, nouns] = await Promise.all([loadPool(reader), loadApi(reader)]);
    const noun = nouns.find(({ name }) => name === params.noun);
    if (!noun) return undefined;
    const about = ABOUT[noun.name];
    return {
      frame: publicFrame(loaded, {
        title: `${noun.name} · ${TITLE}`,
        description: `Routes of the API about ${about ?? noun.name}.`,
        current: '/docs',
      }),
      content: kept(
        noun.name,
        () => (
          <>
            <Crumbs inside />
            <h1>{noun.name}</h1>
            {about !== undefined && <p class="lead">Routes about {about}.</p>}
            {noun.routes.map((route) => (
              <RouteSection
                key={route.id}
                of={route}
                places={{ origin: ORIGIN, admin: 'http://ADMIN-ADDRESS' }}
              />
            ))}
          </>
        ),
        (html) => html.replaceAll(ORIGIN, request.origin),
      ),
    };
  },
};

function Crumbs({ inside = false }: { readonly inside?: boolean }) {
  return (
    <p class="crumbs">
      <a href="/docs">Documentation</a>
      {inside && (
        <>
          {' / '}
          <a href="/docs/api">{TITLE}</a>
        </>
      )}
    </p>
  );
}

function Rules() {
  return (
    <>
      <h2 id="rules">What holds for every route</h2>
      <ul>
        <li>
          <strong>Who calls</strong> is known by <code>Authorization: Bearer</code> with the admin
          token or a machine's credential, or by the cookie of a session. A credential reads; what
          changes something takes a session. Routes for operators are served at the admin address.
        </li>
        <li id="Decimal">
          <strong>Decimal</strong> is a whole number of any size as text, such as{' '}
          <code>"4213000000000000"</code>: base units and pixels do not fit into a float.
        </li>
        <li id="Amount">
          <strong>Amount</strong> is{' '}
          <code>{'{ "asset": "ETH", "amount": "4213000000000000", "decimals": 18 }'}</code>.
        </li>
        <li id="Moment">
          <strong>Moment</strong> is ISO 8601 in UTC: <code>"2026-12-03T14:05:00.000Z"</code>.
        </li>
        <li>
          <strong>Lists</strong> take <code>limit</code> and <code>cursor</code>, and answer{' '}
          <code>{'{ "items": [], "next": null }'}</code>; <code>next</code> is the cursor of the
          page behind, for the same query of the same caller. Tables come as CSV with{' '}
          <code>?format=csv</code>, with every row at <code>&rows=all</code>.
        </li>
        <li>
          <strong>Refusals</strong> are <code>application/problem+json</code> with{' '}
          <code>status</code>, <code>code</code> for programs, and <code>title</code>,{' '}
          <code>detail</code> and <code>advice</code> for people; 429 and 503 say in{' '}
          <code>retry-after</code> when to come again.
        </li>
        <li>
          <strong>Reads</strong> have an <code>ETag</code>; with <code>If-None-Match</code> you get
          304 where nothing changed.
        </li>
        <li>
          <strong>Live values</strong> are server-sent events, each whole, at most one a second;{' '}
          <code>Last-Event-ID</code> goes on behind the last that you have.
        </li>
      </ul>
    </>
  );
}

function Client({ origin, version }: { readonly origin: string; readonly version: string }) {
  return (
    <>
      <h2 id="client">The typed client</h2>
      <p>
        It comes with the package, for Node and browsers, and knows every path, parameter and answer
        of this page. Make the package from the sources with <code>npm pack</code>, and install it
        where you need it:
      </p>
      <Copyable label="Installing the client" text={`npm install ./tributary-${version}.tgz`} />
      <Copyable
        label="Using the client"
        text={`import { createClient, PoolRefusal } from 'tributary/client';

const pool = createClient({ url: '${origin}' });
const { name, now } = await pool.get('/api/v1/pool');
console.log(name, now.streams);
for await (const { amount, transaction } of pool.items('/api/v1/payouts')) {
  console.log(amount.amount, amount.asset, transaction);
}

// About your own machine: TOKEN is its credential.
const mine = createClient({ url: '${origin}', token: process.env.TOKEN });
try {
  console.log((await mine.get('/api/v1/me/why', { query: { hours: 24 } })).text);
} catch (error) {
  if (error instanceof PoolRefusal) console.log(error.problem.code, error.problem.advice);
  else throw error;
}`}
      />
    </>
  );
}

function NounIndex({ of: { name, routes } }: { readonly of: ApiNoun }) {
  return (
    <>
      <h3 id={name}>
        <a href={`/docs/api/${name}`}>{name}</a>
        {ABOUT[name] !== undefined && <span class="note"> {ABOUT[name]}</span>}
      </h3>
      <ul class="plain-list">
        {routes.map(({ id, method, path, summary, who }) => (
          <li key={id}>
            <a class="mono" href={`/docs/api/${name}#${id}`}>
              {method} {path}
            </a>
            <span class="working">
              <Marked text={summary} /> {who}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function RouteSection({ of, places }: { readonly of: ApiRoute; readonly places: ApiPlaces }) {
  const { id, method, path, summary, who, parameters, body, answer } = of;
  const rows = answer.fields;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>
        <a class="mono" href={`#${id}`}>
          {method} {path}
        </a>
      </h2>
      <p>
        <Marked text={summary} /> <span class="muted">{who}</span>
      </p>
      {parameters.length > 0 && (
        <Fields
          title="Parameters"
          of={parameters.map((one) => ({
            ...one,
            text: [one.place === 'path' ? 'In the path.' : '', one.text].filter(Boolean).join(' '),
          }))}
        />
      )}
      {body && <Fields title="Body" of={body} empty="An empty object." />}
      <details>
        <summary>
          Answer: {answer.status}, {answerText(of)}
          <span class="visually-hidden"> of {path}</span>
        </summary>
        {rows.length > 0 && <Fields title="Fields of the answer" of={rows} />}
        {answer.example !== undefined && (
          <Scroll label={`Example of an answer of ${path}`}>
            <pre>
              <code>{answer.example}</code>
            </pre>
          </Scroll>
        )}
      </details>
      <Copyable label={`${method} ${path} with curl`} text={curlOf(of, places)} />
      <Copyable label={`${method} ${path} with the client`} text={clientCallOf(of)} />
    </section>
  );
}

function answerText({ answer: { types, fields }, isStream }: ApiRoute): string {
  if (isStream) return `events of ${fields.length} fields each`;
  const count =
    fields.length === 0 ? '' : ` of ${fields.length} field${fields.length === 1 ? '' : 's'}`;
  const words = types.map((type) => {
    if (type === 'application/json') return `JSON${count}`;
    return type === 'text/csv' ? 'or CSV' : type;
  });
  return words.join(', ');
}

function Fields({
  title,
  of,
  empty,
}: {
  readonly title: string;
  readonly of: readonly ApiField[];
  readonly empty?: string;
}) {
  if (of.length === 0) return empty === undefined ? null : <p class="hint">Body: {empty}</p>;
  return (
    <Scroll label={title}>
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Is</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ name, type, required, text }) => (
            <tr key={name}>
              <td>
                <code>{name}</code>
              </td>
              <td>
                {type}
                {!required && <span class="muted">, optional</span>}
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
