// The description of the API, read into what a page shows: routes by noun, fields as rows, examples.

/** JSON Schema, as far as our description uses it. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
}

interface Content {
  readonly [type: string]: { readonly schema?: Schema };
}

interface Described {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly 'x-access': string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query';
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly description?: string; readonly content?: Content }>
  >;
}

/** `/api/v1/openapi.json`. */
export interface ApiDescription {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** A field of a body or an answer. */
export interface ApiField {
  /** With dots into what it holds, and `[]` behind lists: `items[].amount`. */
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly text: string;
}

/** One route, as it is read. */
export interface ApiRoute {
  readonly id: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly summary: string;
  /** `For everybody.` */
  readonly who: string;
  readonly access: string;
  readonly parameters: readonly (ApiField & { readonly place: 'path' | 'query' })[];
  readonly body: readonly ApiField[] | undefined;
  readonly answer: {
    readonly status: string;
    readonly types: readonly string[];
    readonly fields: readonly ApiField[];
    /** Of JSON alone. */
    readonly example: string | undefined;
  };
  readonly isStream: boolean;
  readonly exampleBody: unknown;
}

/** Routes about one thing. */
export interface ApiNoun {
  readonly name: string;
  readonly routes: readonly ApiRoute[];
}

/** Nouns by name, and their routes by path; what is public stands first in each. */
export function readReference(api: ApiDescription): readonly ApiNoun[] {
  const routes = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({
      noun: described.tags[0] ?? 'other',
      route: routeOf(api, path, method === 'post' ? 'POST' : 'GET', described),
    })),
  );
  const byNoun = Map.groupBy(routes, ({ noun }) => noun);
  return [...byNoun]
    .map(([name, of]) => ({
      name,
      routes: of
        .map(({ route }) => route)
        .sort((a, b) =>
          a.path === b.path ? (a.method < b.method ? -1 : 1) : a.path < b.path ? -1 : 1,
        ),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function routeOf(
  api: ApiDescription,
  path: string,
  method: ApiRoute['method'],
  described: Described,
): ApiRoute {
  const [status = '200', reply] =
    Object.entries(described.responses).find(([code]) => /^2/.test(code)) ?? [];
  const types = Object.keys(reply?.content ?? {});
  const json = reply?.content?.['application/json']?.schema;
  const schema = json ?? reply?.content?.['text/event-stream']?.schema;
  const body = described.requestBody?.content['application/json']?.schema;
  return {
    ...{ id: described.operationId, method, path, summary: described.summary },
    who: described.description,
    access: described['x-access'],
    parameters: described.parameters.map(({ name, in: place, required, schema: of }) => ({
      ...{ name, place, required: required === true },
      type: typeText(of),
      text: [of.description, limitsText(of)].filter(Boolean).join(' '),
    })),
    body: body && fieldsOf(api, body),
    answer: {
      ...{ status, types },
      fields: schema ? fieldsOf(api, schema) : [],
      example: json && JSON.stringify(exampleOf(api, json), null, 2),
    },
    isStream: types.includes('text/event-stream'),
    exampleBody: body && exampleOf(api, body, { isBody: true }),
  };
}

/** How deep fields are unfolded: below it stands what kind of thing it is. */
const DEPTH_MAX = 5;

function fieldsOf(api: ApiDescription, schema: Schema, at = '', depth = 0): readonly ApiField[] {
  const inner = bare(schema);
  if (inner.$ref !== undefined || depth > DEPTH_MAX) return [];
  if (inner.items) return fieldsOf(api, inner.items, `${at}[]`, depth + 1);
  const options = inner.oneOf ?? inner.anyOf;
  if (options) {
    const rows = options.flatMap((one) => fieldsOf(api, one, at, depth + 1));
    return rows.filter(({ name }, place) => rows.findIndex((row) => row.name === name) === place);
  }
  return Object.entries(inner.properties ?? {}).flatMap(([name, of]) => {
    const own = at === '' ? name : `${at}.${name}`;
    const field = {
      name: own,
      type: typeText(of),
      required: inner.required?.includes(name) === true,
      text: [of.description, limitsText(of)].filter(Boolean).join(' '),
    };
    return [field, ...fieldsOf(api, of, own, depth + 1)];
  });
}

/** Without the `null` beside it. */
function bare(schema: Schema): Schema {
  const options = (schema.anyOf ?? []).filter(({ type }) => type !== 'null');
  return options.length === 1 ? (options[0] as Schema) : schema;
}

function isNullable({ anyOf, type }: Schema): boolean {
  return anyOf?.some((one) => one.type === 'null') === true || (type?.includes('null') ?? false);
}

/** What a value is, in words: `list of Amount`, `"open" or "closed"`, `text or null`. */
function typeText(schema: Schema): string {
  const text = plainType(bare(schema));
  return isNullable(schema) ? `${text} or null` : text;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'object',
};

function plainType(schema: Schema): string {
  const { $ref, items, type, properties } = schema;
  if ($ref !== undefined) return nameIn($ref);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (items) return `list of ${listed(plainType(bare(items)))}`;
  const options = (schema.oneOf ?? schema.anyOf ?? []).filter((one) => one.type !== 'null');
  if (options.length > 0) return [...new Set(options.map(plainType))].join(' or ');
  if (properties) return 'object';
  const [name] = (typeof type === 'string' ? [type] : (type ?? [])).filter((one) => one !== 'null');
  return WORDS[name ?? ''] ?? 'anything';
}

function listed(type: string): string {
  if (type === 'text') return 'texts';
  return type === 'object' ? 'objects' : type;
}

/** A ref to a name, without what tells what is taken from what is answered. */
function nameIn(ref: string): string {
  return (ref.split('/').at(-1) ?? '').replace(/Input$/, '');
}

/** Numbers beyond it are no limits, but what a number can be at all. */
const SAFE = Number.MAX_SAFE_INTEGER;

function limitsText(schema: Schema): string {
  const { minimum, maximum, maxLength, default: otherwise } = { ...bare(schema), ...schema };
  const least = minimum !== undefined && minimum > -SAFE ? minimum : undefined;
  const most = maximum !== undefined && maximum < SAFE ? maximum : undefined;
  return [
    least !== undefined && most !== undefined ? `${least} to ${most}.` : '',
    least !== undefined && most === undefined ? `From ${least} on.` : '',
    least === undefined && most !== undefined ? `At most ${most}.` : '',
    maxLength === undefined ? '' : `At most ${maxLength} characters.`,
    otherwise === undefined ? '' : `Otherwise ${JSON.stringify(otherwise)}.`,
  ]
    .filter((text) => text !== '')
    .join(' ');
}

const NAMED: Readonly<Record<string, unknown>> = {
  Amount: { asset: 'ETH', amount: '4213000000000000', decimals: 18 },
  Decimal: '12',
  Moment: '2026-12-03T14:05:00.000Z',
};

/** A value that fits, for people to look at; of a body what it cannot do without. */
function exampleOf(
  api: ApiDescription,
  schema: Schema,
  { depth = 0, isBody = false }: { readonly depth?: number; readonly isBody?: boolean } = {},
): unknown {
  const below = { depth: depth + 1, isBody };
  const inner = bare(schema);
  if (inner.$ref !== undefined) {
    const name = nameIn(inner.$ref);
    return NAMED[name] ?? exampleOf(api, api.components.schemas[name] ?? {}, below);
  }
  if (inner.default !== undefined) return inner.default;
  if (inner.enum) return inner.enum[0];
  if (inner.const !== undefined) return inner.const;
  if (inner.items) return depth > DEPTH_MAX ? [] : [exampleOf(api, inner.items, below)];
  const [option] = inner.oneOf ?? inner.anyOf ?? [];
  if (option) return exampleOf(api, option, below);
  if (inner.properties) {
    const needed = Object.entries(inner.properties).filter(
      ([name]) => !isBody || inner.required?.includes(name),
    );
    return Object.fromEntries(needed.map(([name, of]) => [name, exampleOf(api, of, below)]));
  }
  if (inner.type === 'integer' || inner.type === 'number') return Math.max(1, inner.minimum ?? 1);
  if (inner.type === 'boolean') return true;
  return inner.type === 'object' ? {} : '…';
}

/** Where a route is asked: operators' ones at the admin address. */
export interface ApiPlaces {
  readonly origin: string;
  readonly admin: string;
}

function isOperators({ access }: ApiRoute): boolean {
  return !['public', 'worker', 'signed-in'].includes(access);
}

/** The same call as a command. */
export function curlOf(route: ApiRoute, { origin, admin }: ApiPlaces): string {
  const { method, path, access, isStream, exampleBody } = route;
  const query = route.parameters.filter(({ place, required }) => place === 'query' && required);
  const search = query.map(({ name }) => `${name}=${name.toUpperCase()}`).join('&');
  const url = `${isOperators(route) ? admin : origin}${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())}${search === '' ? '' : `?${search}`}`;
  const lines = [
    `curl ${isStream ? '-N ' : ''}'${url}'`,
    ...(access === 'public' ? [] : [`-H "Authorization: Bearer $TOKEN"`]),
    ...(method === 'POST'
      ? [
          "-H 'content-type: application/json'",
          `-d '${JSON.stringify(exampleBody ?? {}).replaceAll("'", "'\\''")}'`,
        ]
      : []),
  ];
  return lines.join(' \\\n  ');
}

/** The same call with the typed client. */
export function clientCallOf(route: ApiRoute): string {
  const { method, path, parameters, exampleBody, isStream } = route;
  const named = (place: 'path' | 'query') =>
    parameters.filter((one) => one.place === place && (place === 'path' || one.required));
  const objectOf = (fields: readonly ApiField[]) =>
    `{ ${fields.map(({ name }) => `${name}: '${name.toUpperCase()}'`).join(', ')} }`;
  const options = [
    named('path').length > 0 ? `params: ${objectOf(named('path'))}` : '',
    named('query').length > 0 ? `query: ${objectOf(named('query'))}` : '',
    exampleBody === undefined ? '' : `body: ${literalOf(exampleBody)}`,
  ].filter((text) => text !== '');
  const short = `, { ${options.join(', ')} }`;
  const long = `, {\n${options.map((option) => `  ${option},\n`).join('')}}`;
  const rest = options.length === 0 ? '' : short.length + path.length > 48 ? long : short;
  if (isStream) return `for await (const { value } of pool.live('${path}')) console.log(value);`;
  return `const answer = await pool.${method === 'POST' ? 'post' : 'get'}('${path}'${rest});`;
}

/** A value as people write it in a program: keys bare, text in single quotes. */
function literalOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (typeof value === 'string') return `'${value.replaceAll("'", "\\'")}'`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, inner]) => `${key}: ${literalOf(inner)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
