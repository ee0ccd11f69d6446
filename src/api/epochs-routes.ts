import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Epochs } from '../epochs/epochs.ts';
import { inputOf, listEpochs, statementOf, workerLines } from '../epochs/read-epochs.ts';
import { ownWorker } from './own-worker.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, moment, pageOf, pageQuery } from './shapes.ts';

/** What the routes of epochs stand on. */
export interface EpochsRoutesParts {
  readonly epochs: Pick<Epochs, 'closeNow'>;
  readonly database: Queryable;
}

const byAsset = z.record(z.string(), decimal);

/** A line of a worker's statement. */
export const statementLine = z.object({
  id: z.string().optional().describe('By what a dispute names it.'),
  kind: z.string(),
  asset: z.string(),
  amount: decimal,
  units: decimal.optional(),
  rate: z.string().optional(),
  evidence: z.string().optional(),
  text: z.string(),
});

export const epochsApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/epochs',
    access: 'public',
    summary: 'The newest epochs first.',
    query: pageQuery,
    reply: pageOf(
      z.object({
        number: decimal,
        state: z.enum(['open', 'closing', 'closed']),
        openedAt: moment,
        endedAt: moment.nullable(),
        termsVersion: z.int(),
        recorded: z.boolean().describe('Whether its signed record is there.'),
      }),
    ),
    csv: ['number', 'state', 'openedAt', 'endedAt', 'termsVersion', 'recorded'],
  }),
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/epochs/{epoch}',
    access: 'public',
    summary: 'What a closed epoch came to; with the line of each worker for operators.',
    reply: z.object({
      epoch: decimal,
      openedAt: moment,
      endedAt: moment.optional(),
      termsVersion: z.int(),
      root: z.string(),
      recorded: z.boolean(),
      workerCount: z.int(),
      units: decimal,
      owed: byAsset.describe('The sum over all workers.'),
      workers: z
        .array(
          z.object({
            worker: z.string(),
            units: decimal,
            owed: byAsset,
            cumulative: byAsset,
            lines: z.array(statementLine),
          }),
        )
        .optional(),
    }),
  }),
  input: defineRoute({
    method: 'GET',
    path: '/api/v1/epochs/{epoch}/input',
    access: 'viewer',
    summary: 'The canonical text that a closed epoch was settled by, also of a private pool.',
    reply: z.object({ input: z.string() }),
  }),
  own: defineRoute({
    method: 'GET',
    path: '/api/v1/me/epochs/{epoch}',
    access: 'worker',
    summary: 'The statement of one worker for a closed epoch, line by line.',
    query: z.object({
      worker: z.string().max(64).optional().describe('Which worker, for who has several.'),
    }),
    reply: z.object({ worker: z.string(), termsVersion: z.int(), lines: z.array(statementLine) }),
  }),
  close: defineRoute({
    method: 'POST',
    path: '/api/v1/epochs/close',
    access: 'owner',
    summary: 'Close the open epoch now, for good.',
    reply: z.object({ epoch: decimal }),
  }),
} as const;

/** `/api/v1/epochs`: list them, show what one came to, close the open one. */
export function epochsRoutes({ epochs, database }: EpochsRoutesParts): readonly Route[] {
  return [
    serve(epochsApi.list, async ({ query: { limit }, cursor }) => {
      const before = cursor.after?.[0];
      const found = await listEpochs(
        database,
        limit + 1,
        before === undefined ? undefined : BigInt(before),
      );
      const items = found.slice(0, limit);
      const last = items.at(-1);
      const more = found.length > limit && last;
      return { items, next: more ? cursor.write([`${last.number}`]) : null };
    }),
    serve(epochsApi.read, async ({ params, byOperator }) => {
      const { workers, ...epoch } = await statementOf(database, epochIn(params.epoch));
      const owed: Record<string, bigint> = {};
      for (const worker of workers) {
        for (const [asset, amount] of Object.entries(worker.owed)) {
          owed[asset] = (owed[asset] ?? 0n) + amount;
        }
      }
      return {
        ...epoch,
        workerCount: workers.length,
        units: workers.reduce((sum, { units }) => sum + units, 0n),
        owed,
        ...(byOperator ? { workers: workers as unknown as readonly EpochWorker[] } : {}),
      };
    }),
    serve(epochsApi.input, async ({ params }) => ({
      input: await inputOf(database, epochIn(params.epoch)),
    })),
    serve(epochsApi.own, async ({ params, query, actor }) => {
      const worker = ownWorker(actor, query.worker);
      const epoch = epochIn(params.epoch);
      const found = await workerLines(database, epoch, worker);
      if ('open' in found) {
        throw new TributaryError('epoch_open', `Epoch ${epoch} is still open.`);
      }
      const lines = found.lines.map((line, index) => ({
        ...line,
        id: `epoch-${epoch}/${worker}/${index + 1}`,
      }));
      return { worker, termsVersion: found.termsVersion, lines };
    }),
    serve(epochsApi.close, async ({ note }) => {
      const { number } = await epochs.closeNow();
      note({ target: `epoch ${number}` });
      return { epoch: number };
    }),
  ];
}
type EpochWorker = NonNullable<z.input<typeof epochsApi.read.reply>['workers']>[number];

/** The number of an epoch in a path. Throws `epoch_unknown`. */
export function epochIn(text: string): bigint {
  if (/^[1-9]\d{0,17}$/.test(text)) return BigInt(text);
  throw new TributaryError('epoch_unknown', 'An epoch is a number from 1.');
}
