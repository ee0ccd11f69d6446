import type { z } from 'zod';
import type { disputesApi } from '../../src/api/disputes-routes.ts';
import type { evidenceApi } from '../../src/api/evidence-routes.ts';
import type { liveApi } from '../../src/api/live-routes.ts';
import type { meAskApi } from '../../src/api/me-ask-routes.ts';
import type { meChoiceApi } from '../../src/api/me-choice-routes.ts';
import type { meNoticesApi } from '../../src/api/me-notices-routes.ts';
import type { mePayApi } from '../../src/api/me-pay-routes.ts';
import type { meProgressApi } from '../../src/api/me-progress-routes.ts';
import type { meApi } from '../../src/api/me-routes.ts';
import type { sessionApi } from '../../src/api/session-routes.ts';
import type { whyApi } from '../../src/api/why-routes.ts';

// What routes of the API answer a worker with, as their definitions say.

type Reply<D extends { readonly reply: z.ZodType }> = z.output<D['reply']>;

export type SessionView = Reply<typeof sessionApi.list>[number];
/** A worker of the reader: one enrolment, which may run on several computers. */
export type OwnWorker = Reply<typeof meApi.workers>[number];
/** All of them as the live values have them, with what they earn in the open epoch. */
export type LiveWorkers = Reply<typeof liveApi.mine>;
export type LiveWorker = LiveWorkers['workers'][number];
/** A computer that connected as a worker. */
export type Machine = Reply<typeof whyApi.myMachines>[number];
export type WhyView = Reply<typeof whyApi.mine>;
/** An hour or a day of a worker. */
export type WorkStep = Reply<typeof whyApi.myWork>[number];
export type Earnings = Reply<typeof mePayApi.earnings>;
export type StatementView = Reply<typeof mePayApi.statement>;
export type LedgerLines = Reply<typeof mePayApi.lines>;
export type Receipts = Reply<typeof mePayApi.receipts>;
export type Payouts = Reply<typeof mePayApi.payouts>;
export type Progress = Reply<typeof meProgressApi.progress>;
/** The payout that a worker asked for and that waits for a person of the pool. */
export type AskedPayout = Reply<typeof meAskApi.asked>;
export type Choices = Reply<typeof meChoiceApi.choices>;
export type DisputeLine = Reply<typeof disputesApi.ownList>['disputes'][number];
export type DisputeWhole = Reply<typeof disputesApi.ownRead>;
/** What a line of a statement rests on. */
export type EvidenceView = Reply<typeof evidenceApi.mine>;
/** Where somebody is told of what. */
export type NoticeChoices = Reply<typeof meNoticesApi.choices>;
export type NoticeHistory = Reply<typeof meNoticesApi.history>;
