import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import type { IncidentResult, Incidents } from '../workers/incidents.ts';
import { incidentView, showIncident } from './measured-views.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { pageOf, pageQuery } from './shapes.ts';

const title = z.string().max(200);
const text = z.string().max(2_000);
/** An instant as ISO 8601, in milliseconds. */
const at = z.iso.datetime({ offset: true }).transform((value) => Date.parse(value));
const PATH = '/api/v1/incidents';

export const incidentsApi = {
  list: defineRoute({
    method: 'GET',
    path: PATH,
    access: 'public',
    summary: 'What went wrong and what is planned, the last first.',
    query: pageQuery,
    reply: pageOf(incidentView),
    csv: ['id', 'kind', 'title', 'startsAt', 'endsAt', 'automatic'],
  }),
  open: defineRoute({
    method: 'POST',
    path: PATH,
    access: 'support',
    summary: 'Tell everybody of an incident.',
    body: z.object({ title, text: text.optional(), startsAt: at.optional() }),
    reply: incidentView,
    status: 201,
  }),
  plan: defineRoute({
    method: 'POST',
    path: '/api/v1/maintenance',
    access: 'support',
    summary: 'Announce work on the pool; what was announced before it began counts as planned.',
    body: z.object({ title, text: text.optional(), startsAt: at, endsAt: at }),
    reply: incidentView,
    status: 201,
  }),
  update: defineRoute({
    method: 'POST',
    path: `${PATH}/{incident}/update`,
    access: 'support',
    summary: 'Say more of an incident or a maintenance.',
    body: z.object({ text }),
    reply: incidentView,
  }),
  close: defineRoute({
    method: 'POST',
    path: `${PATH}/{incident}/close`,
    access: 'support',
    summary: 'It is over, or will not take place.',
    body: z.object({ text: text.optional() }),
    reply: incidentView,
  }),
} as const;

/** `/api/v1/incidents`: for everybody to read. */
export function incidentsRoutes({
  incidents,
}: {
  readonly incidents: Incidents;
}): readonly Route[] {
  return [
    serve(incidentsApi.list, async ({ query, cursor }) => {
      const [startsAt, id] = cursor.after ?? [];
      const before = startsAt && id ? { startsAt: Number(startsAt), id: BigInt(id) } : undefined;
      const found = await incidents.list({ ...(before ? { before } : {}), limit: query.limit });
      const last = found.at(-1);
      const isFull = found.length === Math.min(query.limit, PAGE_MAX);
      return {
        items: found.map(showIncident),
        next: last && isFull ? cursor.write([String(last.startsAt), String(last.id)]) : null,
      };
    }),
    serve(incidentsApi.open, async ({ body }) => shown(await incidents.open(defined(body)))),
    serve(incidentsApi.plan, async ({ body }) => shown(await incidents.plan(defined(body)))),
    serve(incidentsApi.update, async ({ params, body }) =>
      shown(await incidents.update(idIn(params.incident), body.text)),
    ),
    serve(incidentsApi.close, async ({ params, body }) =>
      shown(await incidents.close(idIn(params.incident), body.text)),
    ),
  ];
}
/** As many are read at once. */
const PAGE_MAX = 200;

/** Without the keys that were left out. */
function defined<T extends object>(body: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function idIn(value: string): bigint {
  if (/^[1-9]\d{0,17}$/.test(value)) return BigInt(value);
  throw new TributaryError('incident_unknown', 'There is no such incident.');
}

const REFUSALS = {
  incident_unknown: 'There is no such incident.',
  incident_closed: 'this is closed already',
  incident_invalid: 'this is not an incident or a plan as it should be',
} as const;

function shown(result: IncidentResult) {
  if (result.ok) return showIncident(result.incident);
  throw new TributaryError(result.reason, REFUSALS[result.reason]);
}
