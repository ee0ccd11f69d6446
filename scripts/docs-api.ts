import type { Access } from '../src/api/access.ts';
import { definitions } from '../src/api/definitions.ts';
import { describe } from '../src/api/openapi.ts';
import type { RouteDefinition } from '../src/api/route.ts';
import { generatedFrom } from './docs-pages.ts';

/** In the order of their paths. */
const routes: readonly RouteDefinition[] = Object.values(definitions)
  .flatMap((group): readonly RouteDefinition[] => Object.values(group))
  .toSorted((a, b) => order(a).localeCompare(order(b), 'en'));

function order({ path, method }: RouteDefinition): string {
  return `${path} ${method}`;
}

const WHO: Readonly<Record<Access, string>> = {
  public: 'everybody',
  'signed-in': 'who has a session',
  worker: 'workers',
  viewer: 'operators',
  support: 'support, owner',
  finance: 'finance, owner',
  owner: 'owner',
};

/** docs/reference/openapi.json: what `/api/v1/openapi.json` of a pool answers with. */
export function openapiFile(): string {
  return `${JSON.stringify(describe(routes), null, 1)}\n`;
}

/** docs/reference/api.md: every route, who may call it, and what it is for. */
export function apiPage(): string {
  const rows = routes.map(
    ({ method, path, access, summary }) =>
      `| \`${method} ${path}\` | ${WHO[access]} | ${summary.replaceAll('|', '\\|')} |`,
  );
  return `${generatedFrom('src/api/*-routes.ts')}
# API

The same routes are served on \`--http-addr\` and \`--admin-addr\`; those for operators on the latter alone,
unless \`--operator-pages everywhere\`. [openapi.json](openapi.json) describes them for programs; a pool
serves it at \`/api/v1/openapi.json\`, and each route with its parameters, answers and examples at
\`/docs/api\`. \`import { createClient } from 'tributary/client'\` is a typed client for Node and browsers:
\`npm pack\` in the repository makes the package that brings it.

- Whole numbers of any size (base units, pixels) are decimal strings, moments ISO 8601 in UTC, amounts
  \`{ "asset": "ETH", "amount": "1000000000000000000", "decimals": 18 }\`.
- Refusals are \`application/problem+json\`: \`code\` is for programs, \`detail\` and \`advice\` for people.
- Lists take \`limit\` and \`cursor\` and answer \`{ "items": [], "next": null }\`; tables come as CSV, too, with
  \`?format=csv\`. Reads have an \`ETag\`.
- Who calls is known by \`Authorization: Bearer\` with the admin token or a worker's credential, or by the
  cookie of a session. A machine's credential reads; what changes something needs a session, with few
  exceptions.
- Live values are server-sent events, each whole; \`Last-Event-ID\` resumes.

| route | for | what it does |
|---|---|---|
${rows.join('\n')}
`;
}
