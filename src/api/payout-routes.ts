import { z } from 'zod';
import type { AssetId } from '../base/asset.ts';
import type { Correction } from '../payouts/correct.ts';
import type { Deposit } from '../payouts/funding.ts';
import type { Payouts } from '../payouts/payouts.ts';
import type { Reconciliation } from '../payouts/reconcile.ts';
import type { AssetFigures, TicketFigures } from '../payouts/solvency.ts';
import type { BooksWatch } from '../payouts/watch.ts';
import type { TermsService } from '../terms/terms-service.ts';
import { amountsNow } from './asset-amounts.ts';
import { demandConsequence, sendPhrase } from './consequence.ts';
import { assetIn, choiceIn, demandIn, optional, rateIn, signedIn, text } from './payout-bodies.ts';
import {
  addressChange,
  approverShape,
  batchShape,
  batchView,
  choicesShape,
  choicesView,
  decimalsShape,
  depositShape,
  pauseShape,
  payoutShape,
  payoutView,
  preferenceIn,
  preferenceShape,
  solvencyShape,
  stateShape,
} from './payout-views.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { done } from './shapes.ts';

/** How many payouts a page of the status shows. */
const NEWEST = 200;

/** What the routes of payouts stand on. */
export interface PayoutRoutesParts {
  readonly payouts: Payouts;
  readonly terms: Pick<TermsService, 'list' | 'of'>;
  solvency(): Promise<{
    readonly assets: readonly AssetFigures[];
    readonly tickets: TicketFigures;
  }>;
  reconcile(): Promise<Reconciliation>;
  /** What is compared without anybody asking. */
  readonly watch: BooksWatch;
  /** See payouts/correct.ts. */
  correct(correction: Correction): Promise<{ readonly cause: string }>;
  /**
   * Puts the batch contract on the chain; the name of the transaction in the journal, or undefined: it
   * is there. Throws `chain_off` off chain, `chain_key_missing`.
   */
  deployDisperse(): Promise<string | undefined>;
  /**
   * Books what a transaction from outside brought to the treasury, once. `added`: what was not booked
   * yet. Throws `chain_off` off chain, `funding_refused`, `rpc_unavailable`.
   */
  funded(transaction: string): Promise<{
    readonly deposits: readonly Deposit[];
    readonly added: readonly Deposit[];
  }>;
}

/** Bodies of payouts go through the readers below, which say in words what is wrong. */
const anyBody = z.looseObject({});

const read = <const Path extends string, R extends z.ZodType>(
  path: Path,
  summary: string,
  reply: R,
) =>
  defineRoute({ method: 'GET', path: `/api/v1/payouts${path}`, access: 'viewer', summary, reply });
const change = <
  const Path extends string,
  A extends 'finance' | 'support' | 'owner',
  R extends z.ZodType,
>(
  path: Path,
  access: A,
  summary: string,
  reply: R,
) =>
  defineRoute({
    method: 'POST',
    path: `/api/v1/payouts${path}`,
    access,
    summary,
    body: anyBody,
    reply,
  });
const WORKER = '/workers/{worker}';

export const payoutApi = {
  status: read(
    '/status',
    'What is on its way, what waits and why, what the pool has and owes.',
    solvencyShape.extend({
      open: z.array(batchShape),
      newest: z.array(payoutShape).describe('Newest last.'),
      inDoubt: z
        .object({ count: z.int(), oldest: z.array(payoutShape) })
        .describe('Of which the chain does not show whether they moved, of all times.'),
      pauses: z.array(pauseShape),
      addressChanges: z.array(addressChange),
      approvers: z.array(approverShape),
      decimals: decimalsShape,
    }),
  ),
  preview: defineRoute({
    method: 'POST',
    path: '/api/v1/payouts/preview',
    access: 'finance',
    summary:
      'What would go out now, and why the rest would not; kept, so that it can be run as it is.',
    body: anyBody,
    reply: z.object({
      digest: z.string(),
      approvalsNeeded: z.int(),
      plan: z.looseObject({ termsVersion: z.int() }),
      decimals: decimalsShape,
    }),
    reads: true,
  }),
  approve: change(
    '/approve',
    'finance',
    "Say yes to a plan with a person's own token.",
    z.object({ by: z.array(z.string()) }),
  ),
  run: change(
    '/run',
    'finance',
    'Send what a plan says, and nothing else.',
    z.object({ batches: z.int() }),
  ),
  solvency: read('/solvency', 'What the pool has and owes, per asset.', solvencyShape),
  reconcile: read(
    '/reconcile',
    'Compares ledger, chain, receipts, contributions and payouts.',
    z.object({
      differences: z.array(z.looseObject({})),
      notCompared: z.array(z.string()),
      before: z.array(z.string()).describe("What is the operator's own, and in no balance."),
    }),
  ),
  correct: defineRoute({
    method: 'POST',
    path: '/api/v1/ledger/corrections',
    access: 'owner',
    summary: 'Book what the chain has more or less than the books, once somebody knows why.',
    body: z.object({
      account: z.string().max(40).default('treasury'),
      asset: z.string().max(40),
      amount: z
        .string()
        .regex(/^-?\d{1,78}$/)
        .describe('Base units that the chain has more; less than 0: fewer.'),
      reason: z.string().max(200),
    }),
    reply: z.object({ cause: z.string() }),
  }),
  export: change(
    '/export',
    'finance',
    'The file for the bank: every payout that goes that way and stood in no file yet.',
    z.object({ file: z.string(), payouts: z.int() }),
  ),
  import: change(
    '/import',
    'finance',
    'Take what the bank says.',
    z.object({ paid: z.int(), failed: z.int(), returned: z.int() }),
  ),
  resolve: change(
    '/resolve',
    'finance',
    'Say of a payout that the chain does not show whether it moved.',
    stateShape,
  ),
  cameBack: change('/came-back', 'finance', 'Say that what was paid came back.', stateShape),
  pause: change('/pause', 'finance', 'Let an asset, or all of them, wait.', done),
  resume: change('/resume', 'finance', 'Let an asset, or all of them, go out again.', done),
  rate: change('/rate', 'finance', 'Write a rate down for exchanges by hand.', done),
  deployDisperse: change(
    '/deploy-disperse',
    'owner',
    'Put the batch contract on the chain.',
    z.object({ transaction: z.string().optional() }),
  ),
  funded: change(
    '/funded',
    'finance',
    'Book what a transaction of the operator brought to the accounts of the pool, once.',
    z.object({
      deposits: z.array(depositShape),
      added: z.array(depositShape),
      decimals: decimalsShape,
    }),
  ),
  addApprover: change(
    '/approvers/add',
    'owner',
    'Make a token for one more person who approves plans; it counts after 48 hours.',
    z.object({ token: z.string(), approver: approverShape }),
  ),
  removeApprover: change('/approvers/remove', 'owner', 'Take the token of a person away.', done),
  choices: read(WORKER, 'What a worker chose, and the changes of its address.', choicesShape),
  choose: change(`${WORKER}/choose`, 'finance', 'Choose for a worker.', preferenceShape),
  addressText: defineRoute({
    method: 'POST',
    path: `/api/v1/payouts${WORKER}/address-text`,
    access: 'viewer',
    summary: 'The text that both addresses sign to move payouts to another one.',
    body: anyBody,
    reply: z.object({ text: z.string(), expiresAt: z.number() }),
    reads: true,
  }),
  address: change(
    `${WORKER}/address`,
    'owner',
    'Change the address of a worker: at once with both signatures, else after 48 hours.',
    addressChange,
  ),
  stopAddress: change(
    `${WORKER}/stop-address`,
    'support',
    'Stop a change of address that waits.',
    done,
  ),
} as const;

/** `/api/v1/payouts`: what would go out, approving and running it, and how it stands. */
export function payoutRoutes(parts: PayoutRoutesParts): readonly Route[] {
  const { payouts } = parts;
  return [
    serve(payoutApi.status, async () => ({
      open: (await payouts.openBatches()).map(batchView),
      newest: (await payouts.payouts({ newest: NEWEST })).map(payoutView),
      inDoubt: await inDoubt(),
      pauses: [...(await payouts.pauses())].map((one) => ({ ...one })),
      addressChanges: [...(await payouts.waitingChanges())],
      approvers: [...(await payouts.approvers())].map((one) => ({ ...one })),
      decimals: await decimals(),
      ...(await solvency()),
    })),
    serve(payoutApi.preview, async ({ body }) => {
      const demand = demandIn(body);
      // Who asks is named as people name workers.
      const asked =
        typeof demand === 'string'
          ? demand
          : { worker: (await payouts.choicesOf(demand.worker)).worker };
      const { digest, approvalsNeeded, plan } = await payouts.preview(asked);
      return { digest, approvalsNeeded, plan: { ...plan }, decimals: await decimals() };
    }),
    serve(payoutApi.approve, async ({ body, note }) => {
      const digest = text(body, 'digest');
      note({ target: digest.slice(0, 64) });
      return { by: [...(await payouts.approve(digest, text(body, 'token'))).by] };
    }),
    serve(payoutApi.run, async ({ body, actor, note }) => {
      const digest = text(body, 'digest');
      note({ target: digest.slice(0, 64) });
      const plan = (await payouts.plan(digest))?.plan;
      const { amountOf } = await amountsNow(parts.terms);
      const phrase = plan && sendPhrase(plan.batches, amountOf);
      if (phrase) demandConsequence(actor, body.confirm, phrase);
      const by = actor.by === 'token' ? 'operator' : actor.name;
      return payouts.run(digest, optional(body, 'by') ?? by);
    }),
    serve(payoutApi.solvency, () => solvency()),
    serve(payoutApi.reconcile, async () => {
      const { differences, notCompared, before } = await parts.reconcile();
      return {
        differences: differences.map((one) => ({ ...one })),
        notCompared: [...notCompared],
        before: [...before],
      };
    }),
    serve(payoutApi.correct, ({ body: { asset: named, amount, ...said }, note }) => {
      note({ target: said.account, after: { asset: named, amount, reason: said.reason } });
      const asset = assetIn({ asset: named }) as AssetId;
      return parts.correct({ ...said, asset, amount: BigInt(amount) });
    }),
    serve(payoutApi.export, ({ body }) => payouts.exportFile(body.again === true)),
    serve(payoutApi.import, ({ body }) => payouts.importConfirmation(text(body, 'file'))),
    serve(payoutApi.resolve, async ({ body, actor, note }) => {
      note({ target: text(body, 'payout') });
      const said = body.moved === true ? 'it moved' : 'it did not move';
      demandConsequence(actor, body.confirm, said);
      return payouts.resolve(text(body, 'payout'), body.moved === true);
    }),
    serve(payoutApi.cameBack, async ({ body, actor, note }) => {
      note({ target: text(body, 'payout') });
      demandConsequence(actor, body.confirm, 'it came back');
      return payouts.cameBack(text(body, 'payout'));
    }),
    serve(payoutApi.pause, async ({ body }) => empty(await payouts.pause(assetIn(body)))),
    serve(payoutApi.resume, async ({ body }) => empty(await payouts.resume(assetIn(body)))),
    serve(payoutApi.rate, async ({ body }) => empty(await payouts.setRate(rateIn(body)))),
    serve(payoutApi.deployDisperse, async () => ({ transaction: await parts.deployDisperse() })),
    serve(payoutApi.funded, async ({ body, note }) => {
      const transaction = text(body, 'transaction');
      note({ target: transaction.slice(0, 66) });
      const { deposits, added } = await parts.funded(transaction);
      const shown = ({ asset: name, amount }: Deposit) => ({ asset: name, amount });
      return {
        deposits: deposits.map(shown),
        added: added.map(shown),
        decimals: await decimals(),
      };
    }),
    serve(payoutApi.addApprover, async ({ body }) => {
      const { token, approver } = await payouts.addApprover(text(body, 'name'));
      return { token, approver: { ...approver } };
    }),
    serve(payoutApi.removeApprover, async ({ body }) =>
      empty(await payouts.removeApprover(text(body, 'name'))),
    ),
    serve(payoutApi.choices, async ({ params }) =>
      choicesView(await payouts.choicesOf(params.worker)),
    ),
    serve(payoutApi.choose, async ({ params, body, note }) => {
      const before = await payouts.choicesOf(params.worker);
      const after = await payouts.choose(params.worker, choiceIn(body));
      note({ before: preferenceIn(before), after });
      return after;
    }),
    serve(payoutApi.addressText, ({ params, body }) =>
      payouts.addressText(params.worker, text(body, 'to')),
    ),
    serve(payoutApi.address, ({ params: { worker }, body }) => {
      const to = text(body, 'to');
      if (body.oldSignature === undefined) return payouts.changeAddressAsOperator(worker, to);
      return payouts.changeAddress(worker, to, signedIn(body));
    }),
    serve(payoutApi.stopAddress, async ({ params }) =>
      empty(await payouts.stopAddressChange(params.worker)),
    ),
  ];

  async function inDoubt() {
    const { count, oldest } = await payouts.inDoubt();
    return { count, oldest: oldest.map(payoutView) };
  }

  async function decimals() {
    const { assets } = (await amountsNow(parts.terms)).terms;
    return Object.fromEntries(Object.entries(assets).map(([name, one]) => [name, one.decimals]));
  }

  async function solvency() {
    const { assets, tickets } = await parts.solvency();
    return { assets: [...assets], tickets: { ...tickets } };
  }
}

/** What is done is done. */
function empty(_: unknown): Record<string, never> {
  return {};
}
