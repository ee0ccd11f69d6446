import { z } from 'zod';
import { assetId, isAssetId } from '../base/asset.ts';
import { TributaryError } from '../base/errors.ts';
import type { Refunds, StoredRefund } from '../ledger/refunds.ts';
import type { Workers } from '../workers/workers.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { decimal, moment, units } from './shapes.ts';

const refundView = z.object({
  id: z.string(),
  worker: z.string(),
  asset: z.string(),
  amount: decimal,
  reason: z.string().nullable(),
  at: moment,
});

export const refundsApi = {
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/ledger/refunds',
    access: 'viewer',
    summary: 'What gateways took back, the last first.',
    reply: z.array(refundView),
    csv: ['id', 'worker', 'asset', 'amount', 'reason', 'at'],
  }),
  add: defineRoute({
    method: 'POST',
    path: '/api/v1/ledger/refunds',
    access: 'finance',
    summary: 'Book what a gateway took back; the terms say who bears it when the epoch is settled.',
    body: z.object({
      id: z.string().max(80),
      worker: z.string().max(64),
      asset: z.string().max(40).default('ETH'),
      amount: units.describe('Base units.'),
      reason: z.string().max(500).optional(),
    }),
    reply: z.object({ id: z.string(), epoch: decimal }),
    status: 201,
  }),
} as const;

const REFUSALS = {
  refund_id_invalid: 'This cannot be the id of a refund.',
  refund_amount_invalid: 'a refund is of more than nothing',
  refund_known: 'another refund is booked under this id',
} as const;

/** `/api/v1/ledger/refunds`. */
export function refundsRoutes(parts: {
  readonly refunds: Refunds;
  readonly workers: Workers;
}): readonly Route[] {
  const { refunds, workers } = parts;
  return [
    serve(refundsApi.list, async () => (await refunds.list()).map(showRefund)),
    serve(refundsApi.add, async ({ body, note }) => {
      const { id, asset, amount, reason } = body;
      const worker = await workers.show(body.worker);
      if (!worker) throw new TributaryError('worker_unknown', 'There is no such worker.');
      if (!isAssetId(asset)) {
        throw new TributaryError('setting_invalid', 'asset must be such as ETH');
      }
      const booked = await refunds.add({
        ...{ id, amount, worker: worker.id, asset: assetId(asset) },
        ...(reason === undefined ? {} : { reason }),
      });
      if (!booked.ok) throw new TributaryError(booked.reason, REFUSALS[booked.reason]);
      note({ target: id, after: { worker: worker.name, asset, amount: String(amount) } });
      return { id, epoch: booked.epoch };
    }),
  ];
}

function showRefund({ reason, ...refund }: StoredRefund) {
  return { ...refund, reason: reason ?? null };
}
