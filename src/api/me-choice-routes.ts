import { z } from 'zod';
import { instant } from '../base/clock.ts';
import { TributaryError } from '../base/errors.ts';
import type { Payouts } from '../payouts/payouts.ts';
import { whichWorker } from './me-routes.ts';
import { ownWorker } from './own-worker.ts';
import { choiceIn } from './payout-bodies.ts';
import { choicesShape, choicesView, preferenceIn } from './payout-views.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { done, moment } from './shapes.ts';

/** What the routes of one's own choices stand on. */
export interface MeChoiceRoutesParts {
  readonly payouts: Payouts;
}

const signature = z.string().max(10_000);

export const meChoiceApi = {
  choices: defineRoute({
    method: 'GET',
    path: '/api/v1/me/choices',
    access: 'worker',
    summary: 'In what, from which amount on and where you are paid, and what changes there.',
    query: z.object({ worker: whichWorker }),
    reply: choicesShape,
  }),
  choose: defineRoute({
    method: 'POST',
    path: '/api/v1/me/choices',
    access: 'worker',
    summary: 'Choose in what and from which amount on you are paid.',
    body: z.object({
      worker: whichWorker,
      asset: z.string().max(12).optional(),
      threshold: z.string().max(80).optional().describe('In base units.'),
      fiatAccount: z.string().max(140).optional(),
    }),
    reply: choicesShape,
  }),
  addressText: defineRoute({
    method: 'POST',
    path: '/api/v1/me/address/text',
    access: 'worker',
    summary: 'The text that both addresses sign to be paid at another one.',
    body: z.object({ worker: whichWorker, to: z.string().max(100) }),
    reply: z.object({ text: z.string(), expiresAt: moment }),
    reads: true,
  }),
  address: defineRoute({
    method: 'POST',
    path: '/api/v1/me/address',
    access: 'worker',
    summary:
      'Be paid at another address, with the signatures of both; who has none yet needs no signature.',
    body: z.object({
      worker: whichWorker,
      to: z.string().max(100),
      expiresAt: z.iso.datetime().optional().describe('As the text has it.'),
      oldSignature: signature.optional(),
      newSignature: signature.optional(),
    }),
    reply: choicesShape,
  }),
  stopAddress: defineRoute({
    method: 'POST',
    path: '/api/v1/me/address/stop',
    access: 'worker',
    summary: 'Stop a change of your address that waits.',
    body: z.object({ worker: whichWorker }),
    reply: done,
  }),
} as const;

/** `/api/v1/me/choices` and `/api/v1/me/address`. */
export function meChoiceRoutes({ payouts }: MeChoiceRoutesParts): readonly Route[] {
  return [
    serve(meChoiceApi.choices, async ({ actor, query }) =>
      choicesView(await payouts.choicesOf(ownWorker(actor, query.worker))),
    ),
    serve(meChoiceApi.choose, async ({ actor, body, note }) => {
      const id = ownWorker(actor, body.worker);
      const before = await payouts.choicesOf(id);
      await payouts.choose(id, choiceIn(body));
      const after = await payouts.choicesOf(id);
      note({ target: id, before: preferenceIn(before), after: preferenceIn(after) });
      return choicesView(after);
    }),
    serve(meChoiceApi.addressText, ({ actor, body }) =>
      payouts.addressText(ownWorker(actor, body.worker), body.to),
    ),
    serve(meChoiceApi.address, async ({ actor, body, note }) => {
      const id = ownWorker(actor, body.worker);
      const before = await payouts.choicesOf(id);
      const { to, expiresAt, oldSignature, newSignature } = body;
      note({ target: id, before: { address: before.address }, after: { address: to } });
      if (before.address === undefined) await payouts.changeAddressAsOperator(id, to);
      else if (expiresAt && oldSignature && newSignature) {
        const signed = { expiresAt: instant(Date.parse(expiresAt)), oldSignature, newSignature };
        await payouts.changeAddress(id, to, signed);
      } else {
        throw new TributaryError('payout_address_refused', 'Both addresses have to sign this.');
      }
      return choicesView(await payouts.choicesOf(id));
    }),
    serve(meChoiceApi.stopAddress, async ({ actor, body, note }) => {
      const id = ownWorker(actor, body.worker);
      note({ target: id });
      await payouts.stopAddressChange(id);
      return {};
    }),
  ];
}
