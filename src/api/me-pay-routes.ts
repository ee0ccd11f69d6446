import { z } from 'zod';
import { isAssetId } from '../base/asset.ts';
import { hex } from '../base/bytes.ts';
import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { Queryable } from '../database/transaction.ts';
import { statementOf } from '../epochs/read-epochs.ts';
import { type AccountName, account } from '../ledger/accounts.ts';
import type { Books } from '../ledger/books.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { LINES_MAX } from '../ledger/postings-store.ts';
import { nodeHashing } from '../proofs/node-hashing.ts';
import { decodeReceipt, receiptHash } from '../proofs/receipt.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { amountsNow } from './asset-amounts.ts';
import { epochIn, type statementLine } from './epochs-routes.ts';
import { earnings, line, payout, receipt, statement } from './me-pay-views.ts';
import { whichWorker } from './me-routes.ts';
import { earnedEpochs, paidOut, paidTotals } from './me-store.ts';
import { ownWorker } from './own-worker.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { pageOf, pageQuery } from './shapes.ts';

/** A page of receipts is read at once. */
const RECEIPTS_MAX = 500;

/** What the routes of one's own pay stand on. */
export interface MePayRoutesParts {
  readonly database: Queryable;
  readonly books: Books;
  readonly ledger: Pick<Ledger, 'receiptsOf'>;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
}

const one = z.object({ worker: whichWorker });

export const mePayApi = {
  earnings: defineRoute({
    method: 'GET',
    path: '/api/v1/me/earnings',
    access: 'worker',
    summary: 'What you are owed now, what waits, what you were paid, and each epoch, newest first.',
    query: pageQuery.extend(one.shape),
    reply: earnings,
    csv: ['epoch', 'worker', 'openedAt', 'endedAt', 'termsVersion', 'units', 'owed'],
  }),
  statement: defineRoute({
    method: 'GET',
    path: '/api/v1/me/statements/{epoch}',
    access: 'worker',
    summary: 'What a closed epoch came to for one worker, line by line, by the rule of its terms.',
    query: one,
    reply: statement,
  }),
  lines: defineRoute({
    method: 'GET',
    path: '/api/v1/me/lines',
    access: 'worker',
    summary: 'The lines of your accounts in the books of the pool, in the order of posting.',
    query: pageQuery.extend({
      ...one.shape,
      asset: z.string().max(12).optional(),
      epoch: z.string().max(18).optional(),
      of: z.enum(['worker', 'holdback', 'award']).default('worker').describe('Which account.'),
    }),
    reply: pageOf(line),
    csv: [
      'cursor',
      'at',
      'account',
      'amount.asset',
      'amount.amount',
      'balance.amount',
      'kind',
      'epoch',
      'note',
    ],
  }),
  receipts: defineRoute({
    method: 'GET',
    path: '/api/v1/me/receipts',
    access: 'worker',
    summary: 'Your receipts in order; /proofs/receipts has the signed bytes.',
    query: pageQuery.extend({
      ...one.shape,
      from: z
        .string()
        .regex(/^\d{1,18}$/)
        .default('1')
        .describe('The number of the first one.'),
    }),
    reply: pageOf(receipt),
    csv: [
      'sequence',
      'hash',
      'at',
      'epoch',
      'job',
      'units',
      'amount.asset',
      'amount.amount',
      'deviceMs',
    ],
  }),
  payouts: defineRoute({
    method: 'GET',
    path: '/api/v1/me/payouts',
    access: 'worker',
    summary: 'Your payouts, newest first, each as far as it has got.',
    query: pageQuery.extend(one.shape),
    reply: pageOf(payout),
    csv: [
      'id',
      'worker',
      'state',
      'createdAt',
      'endedAt',
      'amount.asset',
      'amount.amount',
      'received.amount',
      'to',
      'reference',
    ],
  }),
} as const;

/** What a worker sees of its pay: amounts, down to lines and receipts. */
export function mePayRoutes(parts: MePayRoutesParts): readonly Route[] {
  const { database, books, ledger, terms } = parts;

  /** In the books what is owed stands below zero. */
  async function owedOn(name: AccountName) {
    const { amountOf } = await amountsNow(terms);
    const balances = await books.balances({ account: name });
    return balances
      .filter(({ balance }) => balance !== 0n)
      .map(({ asset, balance }) => amountOf(asset, -balance));
  }

  return [
    serve(mePayApi.earnings, async ({ actor, query: { worker, limit }, cursor }) => {
      const { amountOf } = await amountsNow(terms);
      const workers = worker === undefined ? actor.workers : [ownWorker(actor, worker)];
      const [epoch, id] = cursor.after ?? [];
      const found = await earnedEpochs(database, {
        workers,
        before:
          epoch === undefined || id === undefined
            ? undefined
            : { epoch: BigInt(epoch), worker: id },
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      const paid = await paidTotals(database, workers);
      const totals = workers.map(async (one) => ({
        worker: one,
        owed: await owedOn(account('worker', one)),
        heldBack: await owedOn(account('holdback', one)),
        awarded: await owedOn(account('award', one)),
        paid: paid.filter((row) => row.worker === one).map((row) => amountOf(row.asset, row.paid)),
      }));
      return {
        totals: await Promise.all(totals),
        items: shown.map(({ owed, ...rest }) => ({ ...rest, owed: amountsIn(owed, amountOf) })),
        next: found.length > limit && last ? cursor.write([`${last.epoch}`, last.worker]) : null,
      };
    }),
    serve(mePayApi.statement, async ({ actor, params, query }) => {
      const id = ownWorker(actor, query.worker);
      const number = epochIn(params.epoch);
      const { amountOf } = await amountsNow(terms);
      const { workers, endedAt, ...epoch } = await statementOf(database, number);
      const own = workers.find(({ worker }) => worker === id);
      if (!own) throw new TributaryError('epoch_unknown', 'You have no statement of that epoch.');
      return {
        ...epoch,
        worker: id,
        endedAt: endedAt ?? null,
        units: own.units,
        owed: amountsIn(own.owed, amountOf),
        cumulative: amountsIn(own.cumulative, amountOf),
        // Stored as the canonical text of the settlement has them.
        lines: own.lines as unknown as readonly z.input<typeof statementLine>[],
      };
    }),
    serve(mePayApi.lines, async ({ actor, query, cursor }) => {
      const { asset, epoch } = query;
      const limit = Math.min(query.limit, LINES_MAX - 1);
      const { amountOf } = await amountsNow(terms);
      if (asset !== undefined && !isAssetId(asset)) {
        throw new TributaryError('setting_invalid', 'asset must be such as ETH');
      }
      const [posting, place] = cursor.after ?? [];
      const found = await books.lines({
        account: account(query.of, ownWorker(actor, query.worker)),
        ...(asset === undefined ? {} : { asset }),
        ...(epoch === undefined ? {} : { epoch: epochIn(epoch) }),
        ...(posting === undefined
          ? {}
          : { after: { posting: BigInt(posting), line: Number(place) } }),
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: shown.map((entry) => ({
          cursor: `${entry.posting}.${entry.line}`,
          at: entry.at,
          account: entry.account,
          // As the worker sees it: more than zero is owed to it.
          amount: amountOf(entry.asset, -entry.amount),
          balance: amountOf(entry.asset, -entry.balance),
          kind: entry.kind,
          cause: entry.cause,
          epoch: entry.epoch ?? null,
          note: entry.note ?? null,
        })),
        next:
          found.length > limit && last ? cursor.write([`${last.posting}`, `${last.line}`]) : null,
      };
    }),
    serve(mePayApi.receipts, async ({ actor, query, cursor }) => {
      const worker: WorkerId = ownWorker(actor, query.worker);
      const limit = Math.min(query.limit, RECEIPTS_MAX - 1);
      const { amountOf } = await amountsNow(terms);
      const from = BigInt(cursor.after?.[0] ?? query.from);
      const found = await ledger.receiptsOf(worker, from, limit + 1);
      const items = found.slice(0, limit).flatMap(({ body }) => {
        const read = decodeReceipt(body);
        if (!read) return [];
        const { sequence, at, epoch, kind, units, basis, asset, deviceMs } = read;
        return {
          ...{ sequence, at, epoch, kind, units, basis, deviceMs },
          hash: hex(receiptHash(body, nodeHashing)),
          job: uuid(read.job),
          amount: asset === '' ? null : amountOf(asset, read.amount),
          previous: hex(read.previous),
        };
      });
      const next = found[limit];
      return { items, next: next ? cursor.write([`${next.sequence}`]) : null };
    }),
    serve(mePayApi.payouts, async ({ actor, query: { worker, limit }, cursor }) => {
      const workers = worker === undefined ? actor.workers : [ownWorker(actor, worker)];
      const { amountOf } = await amountsNow(terms);
      const [at, id] = cursor.after ?? [];
      const found = await paidOut(database, {
        workers,
        before: at === undefined || id === undefined ? undefined : { at, id },
        limit: limit + 1,
      });
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: shown.map(({ asset, amount: meant, received, endedAt, to, reference, ...rest }) => ({
          ...rest,
          endedAt: endedAt ?? null,
          amount: amountOf(asset, meant),
          received: received === undefined ? null : amountOf(asset, received),
          to: to ?? null,
          reference: reference ?? null,
        })),
        next: found.length > limit && last ? cursor.write([last.place, last.id]) : null,
      };
    }),
  ];
}

function amountsIn(
  owed: Readonly<Record<string, bigint | string>>,
  amountOf: Awaited<ReturnType<typeof amountsNow>>['amountOf'],
) {
  return Object.entries(owed).map(([asset, value]) => amountOf(asset, value));
}

function uuid(bytes: Uint8Array): string {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
