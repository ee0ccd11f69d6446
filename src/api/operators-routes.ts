import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import { base32, secureRandom } from '../base/ids.ts';
import type { Database } from '../database/database.ts';
import { violatedConstraint } from '../database/failures.ts';
import { recipientIn } from '../payouts/address.ts';
import type { Workers } from '../workers/workers.ts';
import { roles } from './access.ts';
import { demandConsequence } from './consequence.ts';
import { addOperator, type Operator, operators, removeOperator } from './operators-store.ts';
import { defineRoute, type Route, serve } from './route.ts';
import type { Sessions } from './sessions.ts';
import { done, moment } from './shapes.ts';

/** What the routes of operators and links stand on. */
export interface OperatorsRoutesParts {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly workers: Pick<Workers, 'show'>;
  readonly clock: Clock;
  /** Where a link leads to: the admin address for operators, the public one for workers. */
  linkTo(who: 'operator' | 'worker', token: string): string;
}

const operatorView = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  address: z.string().optional(),
  addedAt: moment,
});
const linkView = z.object({
  url: z.string().describe('Signs in once; shown in this answer and nowhere else.'),
  expiresAt: moment,
});

export const operatorsApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/operators',
    access: 'owner',
    summary: 'Who runs the pool, by name.',
    reply: z.array(operatorView),
  }),
  add: defineRoute({
    method: 'POST',
    path: '/api/v1/operators',
    access: 'owner',
    summary: 'Let somebody run the pool, in a role.',
    body: z.object({
      name: z
        .string()
        .regex(
          /^[A-Za-z0-9._-]{1,64}$/,
          'must be 1 to 64 letters, digits, dots, dashes or underscores',
        ),
      role: z.enum(roles),
      address: z
        .string()
        .nullish()
        .describe('A wallet to sign in with; without one there are links.'),
    }),
    reply: operatorView,
    status: 201,
  }),
  remove: defineRoute({
    method: 'POST',
    path: '/api/v1/operators/{operator}/remove',
    access: 'owner',
    summary: 'Remove an operator; its sessions end at once.',
    body: z.object({ confirm: z.string().max(300).optional() }),
    reply: done,
  }),
  link: defineRoute({
    method: 'POST',
    path: '/api/v1/operators/{operator}/link',
    access: 'owner',
    summary: 'A link that signs an operator in once, within ten minutes.',
    reply: linkView,
  }),
  workerLink: defineRoute({
    method: 'POST',
    path: '/api/v1/workers/{worker}/link',
    access: 'owner',
    summary: 'A link that signs a worker in once, within ten minutes.',
    reply: linkView,
  }),
} as const;

/** `/api/v1/operators`, and links to sign in with. */
export function operatorsRoutes(parts: OperatorsRoutesParts): readonly Route[] {
  const { database, sessions, workers, clock } = parts;

  async function operatorNamed(name: string): Promise<Operator> {
    const [found] = await operators(database, name);
    if (found) return found;
    throw new TributaryError('operator_unknown', 'There is no operator of that name.');
  }

  return [
    serve(operatorsApi.list, () => operators(database)),
    serve(operatorsApi.add, async ({ body: { name, role, address: given }, note }) => {
      const address = given ? recipientIn(given) : undefined;
      if (given && !address) {
        throw new TributaryError(
          'operator_refused',
          'This is no address, or its checksum is wrong.',
        );
      }
      const id = base32(secureRandom(7)).slice(0, 10);
      const added: Operator = { id, name, role, address, addedAt: clock.now() };
      await addOperator(database, added).catch((error: unknown) => {
        const taken = violatedConstraint(error)?.startsWith('operator_');
        if (!taken) throw error;
        throw new TributaryError('operator_refused', 'Another operator has this name or wallet.');
      });
      note({ target: name, after: { id, role } });
      return added;
    }),
    serve(operatorsApi.remove, async ({ params, body, actor, note }) => {
      const { id, name, role } = await operatorNamed(params.operator);
      demandConsequence(actor, body.confirm, `remove ${name}`);
      await removeOperator(database, id, clock.now());
      await sessions.endAllOf({ operator: id });
      note({ target: name, before: { id, role } });
      return {};
    }),
    serve(operatorsApi.link, async ({ params }) => {
      const { id } = await operatorNamed(params.operator);
      const { token, expiresAt } = await sessions.makeLink({ operator: id });
      return { url: parts.linkTo('operator', token), expiresAt };
    }),
    serve(operatorsApi.workerLink, async ({ params, note }) => {
      const worker = await workers.show(params.worker);
      if (!worker) throw new TributaryError('worker_unknown', 'There is no such worker.');
      const { token, expiresAt } = await sessions.makeLink({ worker: worker.id });
      note({ target: worker.name });
      return { url: parts.linkTo('worker', token), expiresAt };
    }),
  ];
}
