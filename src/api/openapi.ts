import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import type { Access } from './access.ts';
import { defineRoute, type Route, type RouteDefinition, serve } from './route.ts';

type Json = Readonly<Record<string, unknown>>;

export const openapiApi = {
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/openapi.json',
    access: 'public',
    summary: 'This description, as OpenAPI 3.1.',
    reply: z.looseObject({}),
  }),
} as const;

/** The description of all routes, itself among them; made when it is first asked for. */
export function openapiRoute(others: readonly Route[]): Route {
  let made: Json | undefined;
  const own: Route = serve(openapiApi.read, async () => {
    made ??= describe([...others, own].map(({ definition }) => definition));
    return made;
  });
  return own;
}

/** OpenAPI 3.1 of routes: what each takes and answers, by the same schemas that check it. */
export function describe(definitions: readonly RouteDefinition[]): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const named: Record<string, unknown> = { Problem: problem };
  for (const definition of definitions) {
    paths[definition.path] ??= {};
    const methods = paths[definition.path] as Record<string, Json>;
    methods[definition.method.toLowerCase()] = operation(definition, named);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tributary',
      version: packageJson.version,
      description: packageJson.description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    paths,
    components: {
      schemas: named,
      responses: {
        Problem: {
          description: 'Why it was refused: `code` is for programs, the rest for people.',
          content: { 'application/problem+json': { schema: ref('schemas/Problem') } },
        },
      },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'The admin token of the pool, or the credential of a worker.',
        },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-tributary' },
      },
    },
  };
}

const problem = z.toJSONSchema(
  z.object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    advice: z.string().optional(),
    fields: z.array(z.object({ field: z.string(), problem: z.string() })).optional(),
  }),
);

function operation(definition: RouteDefinition, named: Record<string, unknown>): Json {
  const { access, body, summary, status = 200, method, path } = definition;
  return {
    operationId: operationId(method, path),
    tags: [nounOf(path)],
    summary,
    description: WHO[access],
    'x-access': access,
    ...(access === 'public' ? {} : { security: [{ bearer: [] }, { session: [] }] }),
    parameters: [...pathParameters(path), ...queryParameters(definition, named)],
    ...(body
      ? {
          requestBody: {
            content: { 'application/json': { schema: schemaOf(body, 'input', named) } },
          },
        }
      : {}),
    responses: {
      [status]: { description: 'Done.', content: contentOf(definition, named) },
      ...(method === 'GET' && !definition.stream
        ? { 304: { description: 'You have it already.' } }
        : {}),
      default: ref('responses/Problem'),
    },
  };
}

const WHO: Readonly<Record<Access, string>> = {
  public: 'For everybody.',
  'signed-in': 'For whoever has a session.',
  worker: 'For workers, about their own machines.',
  viewer: 'For operators.',
  support: 'For operators with the role support or owner.',
  finance: 'For operators with the role finance or owner.',
  owner: 'For operators with the role owner.',
};

function contentOf({ reply, csv, stream }: RouteDefinition, named: Record<string, unknown>): Json {
  if (!('parse' in reply)) return { [reply.type]: {} };
  const type = stream ? 'text/event-stream' : 'application/json';
  return {
    [type]: { schema: schemaOf(reply as z.ZodType, 'output', named) },
    ...(csv ? { 'text/csv': { schema: { type: 'string' } } } : {}),
  };
}

function pathParameters(path: string): readonly Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

function queryParameters(
  { query, csv }: RouteDefinition,
  components: Record<string, unknown>,
): readonly Json[] {
  const { properties = {}, required = [] } = query ? schemaOf(query, 'input', components) : {};
  const named = Object.entries(properties as Record<string, Json>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: (required as readonly string[]).includes(name),
    schema,
  }));
  const format = { name: 'format', in: 'query', schema: { enum: ['json', 'csv'] } };
  const rows = {
    ...{ name: 'rows', in: 'query', schema: { enum: ['all'] } },
    description: 'With format=csv: every row, not one page of them.',
  };
  return csv ? [...named, format, rows] : named;
}

/**
 * A schema as JSON Schema 2020-12, which is what OpenAPI 3.1 speaks; what has a name of its own goes
 * among the named ones.
 */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', named: Record<string, unknown>): Json {
  const { $schema: _, ...whole } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  // What is taken may be written in more ways than what is answered.
  const suffix = io === 'input' ? 'Input' : '';
  const text = JSON.stringify(whole).replaceAll(
    /"#\/\$defs\/(\w+)"/g,
    `"#/components/schemas/$1${suffix}"`,
  );
  const { $defs = {}, ...rest } = JSON.parse(text) as { $defs?: Record<string, unknown> };
  for (const [name, inner] of Object.entries($defs)) named[`${name}${suffix}`] = inner;
  return rest;
}

/** The first word of a path is what it is about: `payouts` of `/api/v1/payouts/{payout}`. */
function nounOf(path: string): string {
  return /^\/(?:api\/v1\/)?([a-z-]+)/.exec(path)?.[1] ?? 'other';
}

function operationId(method: string, path: string): string {
  const words = path.replace(/^\/api\/v1/, '').split(/[^A-Za-z0-9]+/);
  const name = words.map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join('');
  return `${method.toLowerCase()}${name}`;
}

function ref(to: string): Json {
  return { $ref: `#/components/${to}` };
}
