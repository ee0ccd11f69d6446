import { z } from 'zod';
import type { Queryable } from '../database/transaction.ts';
import { auditLines } from './audit-store.ts';
import { operators } from './operators-store.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, moment, pageOf, pageQuery } from './shapes.ts';

export const auditApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/operator/audit',
    access: 'viewer',
    summary: 'Who changed what, newest first.',
    query: pageQuery.extend({
      actor: z.string().max(100).optional().describe('The id of one operator or worker.'),
    }),
    reply: pageOf(
      z.object({
        number: decimal,
        at: moment,
        actorKind: z.enum(['nobody', 'worker', 'operator']),
        actorId: z.string(),
        actorName: z.string(),
        route: z.string(),
        target: z.string(),
        targetName: z.string().nullable().describe('Of a target that is an operator.'),
        asked: z.unknown().describe('What was asked for, without secrets.'),
        outcome: z.string().nullable().describe('Null: it had not ended when the pool did.'),
        before: z.unknown(),
        after: z.unknown(),
      }),
    ),
    csv: ['number', 'at', 'actorKind', 'actorName', 'route', 'target', 'outcome', 'asked'],
  }),
} as const;

/** `/api/v1/operator/audit`: the audit log. */
export function auditRoutes({ database }: { readonly database: Queryable }): readonly Route[] {
  return [
    serve(auditApi.list, async ({ query: { limit, actor }, cursor }) => {
      const before = cursor.after?.[0];
      const lines = await auditLines(database, {
        before: before === undefined ? undefined : BigInt(before),
        actor,
        limit: limit + 1,
      });
      const items = lines.slice(0, limit);
      const last = items.at(-1);
      const next = lines.length > limit && last ? cursor.write([`${last.number}`]) : null;
      const names = new Map((await operators(database)).map(({ id, name }) => [id, name]));
      return {
        items: items.map((one) => ({ ...one, targetName: names.get(one.target) ?? null })),
        next,
      };
    }),
  ];
}
