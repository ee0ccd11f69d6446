import { z } from 'zod';
import { showAsset } from '../base/amounts.ts';
import type { Queryable } from '../database/transaction.ts';
import { type Dispute, type Sum, subjectName } from '../ledger/dispute.ts';
import { EVIDENCE_MAX, TEXT_CHARACTERS_MAX } from '../ledger/dispute-text.ts';
import type { DisputeParty, Disputes, DisputeView } from '../ledger/disputes.ts';
import { disputeLogText } from '../ledger/disputes-store.ts';
import { disputeOutcomes } from '../proofs/dispute-log.ts';
import type { TermsService } from '../terms/terms-service.ts';
import type { WorkerActor } from './access.ts';
import { demandConsequence } from './consequence.ts';
import { defineRoute, type Route, serve } from './route.ts';
import { amount, decimal, moment } from './shapes.ts';

/** What the routes of disputes stand on. */
export interface DisputesRoutesParts {
  readonly disputes: Disputes;
  readonly terms: Pick<TermsService, 'of'>;
  readonly database: Queryable;
}

const dispute = z.object({
  id: z.string(),
  worker: z.string(),
  about: z.string().describe('The line or the receipt: epoch-3/abcdefghij/2.'),
  kind: z.string().describe('The kind of the line, or receipt.'),
  epoch: decimal,
  state: z.enum(['open', 'answered', 'decided', 'withdrawn', 'lapsed']),
  overdue: z.boolean().describe('Whether the pool is late.'),
  openedAt: moment,
  deadline: moment.nullable().describe('Until when the pool has to answer or decide.'),
  claimed: amount.nullable(),
  setAside: amount.nullable().describe('Waits in an account of its own until it is decided.'),
  outcome: z.enum(disputeOutcomes).nullable(),
  award: amount.nullable().describe('Paid with the next epoch that is settled.'),
});
const event = z.object({
  sequence: z.int().describe('Its line in the published log.'),
  at: moment,
  by: z.enum(['worker', 'operator', 'pool']),
  event: z.string(),
  text: z.string(),
  evidence: z.array(z.string()),
  salt: z.string().describe('With it, who was part of a dispute can show what was said in it.'),
});
const whole = dispute.extend({ events: z.array(event) });
const list = z.object({ disputes: z.array(dispute) });

// What is wrong with texts and ids is said by the rules of disputes, in words for people.
const words = {
  text: z.unknown().describe(`Plain text, up to ${TEXT_CHARACTERS_MAX} characters.`),
  evidence: z
    .unknown()
    .optional()
    .describe(`Up to ${EVIDENCE_MAX} ids: receipt hashes, evidence ids, ids of lines.`),
};
const sum = z.unknown().optional().describe('{ asset, amount } in base units as text.');
/** A sum that can be shown; the rules of disputes say what is wrong with any other. */
const sumText = z.object({ asset: z.string(), amount: z.string().regex(/^\d{1,78}$/) });
const opening = z.object({ ...words, about: z.unknown(), claimed: sum });
const saying = z.object(words);

export const disputesApi = {
  log: defineRoute({
    method: 'GET',
    path: '/api/v1/dispute-log',
    access: 'public',
    summary: 'The published log of disputes: a chained line for each event, without names.',
    reply: z.object({ log: z.string() }),
  }),
  list: defineRoute({
    method: 'GET',
    path: '/api/v1/disputes',
    access: 'viewer',
    summary: 'All disputes, the newest first.',
    reply: list,
  }),
  read: defineRoute({
    method: 'GET',
    path: '/api/v1/disputes/{dispute}',
    access: 'viewer',
    summary: 'One dispute with all that was said in it.',
    reply: whole,
  }),
  open: defineRoute({
    method: 'POST',
    path: '/api/v1/disputes',
    access: 'support',
    summary: 'Open a dispute for a worker.',
    body: opening,
    reply: whole,
    status: 201,
  }),
  answer: defineRoute({
    method: 'POST',
    path: '/api/v1/disputes/{dispute}/answer',
    access: 'support',
    summary: 'Answer a dispute; the first answer begins the time to decide.',
    body: saying,
    reply: whole,
  }),
  decide: defineRoute({
    method: 'POST',
    path: '/api/v1/disputes/{dispute}/decide',
    access: 'finance',
    summary: 'Decide a dispute, for good.',
    body: z.object({
      ...words,
      outcome: z.enum(disputeOutcomes),
      award: sum,
      confirm: z.string().max(300).optional(),
    }),
    reply: whole,
  }),
  ownList: defineRoute({
    method: 'GET',
    path: '/api/v1/me/disputes',
    access: 'worker',
    summary: 'The disputes of your workers, the newest first.',
    reply: list,
  }),
  ownRead: defineRoute({
    method: 'GET',
    path: '/api/v1/me/disputes/{dispute}',
    access: 'worker',
    summary: 'One of your disputes with all that was said in it.',
    reply: whole,
  }),
  ownOpen: defineRoute({
    method: 'POST',
    path: '/api/v1/me/disputes',
    access: 'worker',
    byCredential: true,
    summary: 'Dispute a line of your statement, a penalty, or a receipt that never came.',
    body: opening,
    reply: whole,
    status: 201,
  }),
  reply: defineRoute({
    method: 'POST',
    path: '/api/v1/me/disputes/{dispute}/reply',
    access: 'worker',
    byCredential: true,
    summary: 'Say more in a dispute of yours.',
    body: saying,
    reply: whole,
  }),
  withdraw: defineRoute({
    method: 'POST',
    path: '/api/v1/me/disputes/{dispute}/withdraw',
    access: 'worker',
    byCredential: true,
    summary: 'Take a dispute back, for good.',
    body: saying,
    reply: whole,
  }),
} as const;

const operator: DisputeParty = { by: 'operator' };
const own = ({ workers }: WorkerActor): DisputeParty => ({ by: 'worker', workers });

/** `/api/v1/disputes` for operators, `/api/v1/me/disputes` for workers. */
export function disputesRoutes({
  disputes,
  terms,
  database,
}: DisputesRoutesParts): readonly Route[] {
  /** With the decimals of the terms that the dispute is about. */
  async function shortView(one: Dispute): Promise<z.input<typeof dispute>> {
    const { assets } = await terms.of(one.termsVersion);
    const shown = (value: Sum | undefined) =>
      value ? { ...value, decimals: assets[value.asset]?.decimals ?? 0 } : null;
    return {
      id: one.id,
      worker: one.worker,
      about: subjectName(one.worker, one.subject),
      kind: one.about,
      epoch: one.subject.epoch,
      state: one.state,
      overdue: one.isOverdue,
      openedAt: one.openedAt,
      deadline: one.deadline ?? null,
      claimed: shown(one.claimed),
      setAside: one.deadline === undefined ? null : shown(one.setAside),
      outcome: one.outcome ?? null,
      award: shown(one.award),
    };
  }

  /** What a decision comes to, as it is typed: `award 0.0042 ETH`, or `refuse for good`. */
  async function consequenceOf(
    { termsVersion, claimed }: Dispute,
    { outcome, award }: { readonly outcome: string; readonly award?: unknown },
  ): Promise<string> {
    const given = sumText.safeParse(award);
    const sum = given.success ? given.data : claimed;
    if (outcome === 'refused' || !sum) return 'refuse for good';
    const { assets } = await terms.of(termsVersion);
    const decimals = assets[sum.asset as keyof typeof assets]?.decimals ?? 0;
    return `award ${showAsset(BigInt(sum.amount), sum.asset, decimals)}`;
  }

  async function wholeView(view: DisputeView): Promise<z.input<typeof whole>> {
    const events = view.events.map(({ record, content }) => ({
      sequence: record.sequence,
      at: record.at,
      by: record.by,
      event: record.event,
      text: content.text,
      evidence: [...content.evidence],
      salt: content.salt,
    }));
    return { ...(await shortView(view.dispute)), events };
  }

  const listed = async (party: DisputeParty) => ({
    disputes: await Promise.all((await disputes.list(party)).map(shortView)),
  });

  return [
    serve(disputesApi.log, async () => ({ log: await disputeLogText(database) })),
    serve(disputesApi.list, async () => listed(operator)),
    serve(disputesApi.read, async ({ params }) =>
      wholeView(await disputes.show(operator, params.dispute)),
    ),
    serve(disputesApi.open, async ({ body }) => wholeView(await disputes.open(operator, body))),
    serve(disputesApi.answer, async ({ params, body }) =>
      wholeView(await disputes.say(operator, params.dispute, body)),
    ),
    serve(disputesApi.decide, async ({ params, body: { confirm, ...body }, actor }) => {
      const { dispute: about } = await disputes.show(operator, params.dispute);
      demandConsequence(actor, confirm, await consequenceOf(about, body));
      return wholeView(await disputes.decide(params.dispute, body));
    }),
    serve(disputesApi.ownList, async ({ actor }) => listed(own(actor))),
    serve(disputesApi.ownRead, async ({ params, actor }) =>
      wholeView(await disputes.show(own(actor), params.dispute)),
    ),
    serve(disputesApi.ownOpen, async ({ body, actor }) =>
      wholeView(await disputes.open(own(actor), body)),
    ),
    serve(disputesApi.reply, async ({ params, body, actor }) =>
      wholeView(await disputes.say(own(actor), params.dispute, body)),
    ),
    serve(disputesApi.withdraw, async ({ params, body, actor }) =>
      wholeView(await disputes.withdraw(own(actor), params.dispute, body)),
    ),
  ];
}
