import { z } from 'zod';
import type { Dispatch } from '../dispatch/dispatch-types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Credential } from '../workers/credentials.ts';
import type { Worker } from '../workers/worker.ts';
import type { Workers } from '../workers/workers.ts';
import type { WorkerActor } from './access.ts';
import { ownWorker } from './own-worker.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { granted, totalsByWorker, viewOf, workerView } from './workers-routes.ts';

/** What the routes of one's own machines stand on. */
export interface MeRoutesParts {
  readonly workers: Workers;
  readonly ledger: Ledger;
  readonly dispatch: Dispatch;
  joinString(credential: Credential): string;
}

/** Which of several workers; who has one need not say. */
export const whichWorker = z.string().max(64).optional().describe('The id of one worker of yours.');

export const meApi = {
  me: defineRoute({
    method: 'GET',
    path: '/api/v1/me',
    access: 'worker',
    summary: 'Who you are, and which workers are yours.',
    reply: z.object({
      by: z.enum(['wallet', 'link', 'credential']),
      workers: z.array(
        z.object({
          id: z.string(),
          name: z.string(),
          state: z.string(),
          payoutAddress: z.string().nullable(),
        }),
      ),
    }),
  }),
  workers: defineRoute({
    method: 'GET',
    path: '/api/v1/me/workers',
    access: 'worker',
    summary: 'Your workers as they are now.',
    reply: z.array(workerView),
    csv: ['id', 'name', 'state', 'status', 'segments', 'failures', 'pixels'],
  }),
  rotate: defineRoute({
    method: 'POST',
    path: '/api/v1/me/credentials/rotate',
    access: 'worker',
    summary: 'A new credential for a worker; the one before stays valid until the next rotation.',
    body: z.object({ worker: whichWorker }),
    reply: z.object({
      id: z.string(),
      name: z.string(),
      credential: z.string().describe('Shown in this answer and nowhere else.'),
      join: z.string(),
    }),
  }),
} as const;

/** `/api/v1/me`: a worker about itself and its machines. */
export function meRoutes(parts: MeRoutesParts): readonly Route[] {
  const { workers, ledger, dispatch } = parts;

  /** Revoked ones, too: what they earned stays theirs. */
  async function own({ workers: ids }: WorkerActor): Promise<readonly Worker[]> {
    const found = await Promise.all(ids.map((id) => workers.show(id)));
    return found.flatMap((worker) => worker ?? []);
  }

  return [
    serve(meApi.me, async ({ actor }) => ({
      by: actor.by,
      workers: (await own(actor)).map(({ id, name, state, payoutAddress }) => ({
        ...{ id, name, state },
        payoutAddress: payoutAddress ?? null,
      })),
    })),
    serve(meApi.workers, async ({ actor }) => {
      const totals = await totalsByWorker(ledger);
      return (await own(actor)).map((worker) =>
        viewOf(worker, totals.get(worker.id), dispatch.worker(worker.id)),
      );
    }),
    serve(meApi.rotate, async ({ actor, body, note }) => {
      const id = ownWorker(actor, body.worker);
      const { worker, credential } = granted(await workers.rotate(id, { retire: 'oldest' }));
      note({ target: worker.name });
      return { id, name: worker.name, credential, join: parts.joinString(credential) };
    }),
  ];
}
