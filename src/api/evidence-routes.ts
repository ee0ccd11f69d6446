import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import { type Evidence, evidenceOf } from '../epochs/evidence.ts';
import type { Actor } from './access.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, moment } from './shapes.ts';

const stretches = z.array(z.object({ since: moment, until: moment }));
const event = z.object({ at: moment, job: z.string().nullable(), reason: z.string() });

const evidenceView = z.object({
  worker: z.string(),
  kind: z.string(),
  fact: z.string().optional(),
  value: z.string().optional(),
  since: moment.optional(),
  at: moment.optional(),
  asset: z.string().optional(),
  amount: decimal.optional(),
  reason: z.string().optional(),
  events: z.array(event).optional(),
  onlineMs: decimal.optional(),
  promisedMs: decimal.optional(),
  online: stretches.optional(),
  poolUp: stretches.optional().describe('While the pool was not up, nobody broke a promise.'),
});

/** An id has slashes in it: it stands in the query. */
const which = z.object({ id: z.string().min(1).max(120).describe('Of a line of a statement.') });

export const evidenceApi = {
  mine: defineRoute({
    method: 'GET',
    path: '/api/v1/me/evidence',
    access: 'worker',
    summary: 'What a line of your statement rests on: the rows behind its evidence id.',
    query: which,
    reply: evidenceView,
  }),
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/evidence',
    access: 'viewer',
    summary: 'What a line of any statement rests on.',
    query: which,
    reply: evidenceView,
  }),
} as const;

/** The rows behind the evidence ids of statements. */
export function evidenceRoutes({ database }: { readonly database: Queryable }): readonly Route[] {
  const read = async (id: string, actor: Actor) => {
    const found = await evidenceOf(database, id);
    if (!found || !maySee(actor, found)) {
      throw new TributaryError('evidence_unknown', 'there is no such evidence');
    }
    return showEvidence(found);
  };
  return [
    serve(evidenceApi.mine, ({ query, actor }) => read(query.id, actor)),
    serve(evidenceApi.read, ({ query, actor }) => read(query.id, actor)),
  ];
}

function maySee(actor: Actor, { worker }: Evidence): boolean {
  return actor.kind === 'operator' || (actor.kind === 'worker' && actor.workers.includes(worker));
}

function showEvidence(found: Evidence): z.input<typeof evidenceView> {
  switch (found.kind) {
    case 'failed_attempts':
    case 'failed_checks':
      return {
        ...found,
        events: found.events.map(({ job, ...rest }) => ({ ...rest, job: job ?? null })),
      };
    case 'offline':
      return { ...found, online: [...found.online], poolUp: [...found.poolUp] };
    default:
      return found;
  }
}
