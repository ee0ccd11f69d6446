import type { z } from 'zod';
import type { attentionApi } from '../../src/api/attention-routes.ts';
import type { auditApi } from '../../src/api/audit-routes.ts';
import type { chainApi } from '../../src/api/chain-routes.ts';
import type { disputesApi } from '../../src/api/disputes-routes.ts';
import type { fleetApi } from '../../src/api/fleet-routes.ts';
import type { incidentsApi } from '../../src/api/incidents-routes.ts';
import type { journalApi } from '../../src/api/journal-routes.ts';
import type { liveApi } from '../../src/api/live-routes.ts';
import type { noticesApi } from '../../src/api/notices-routes.ts';
import type { operatorsApi } from '../../src/api/operators-routes.ts';
import type { payoutApi } from '../../src/api/payout-routes.ts';
import type { plansApi } from '../../src/api/plans-routes.ts';
import type { poolHistoryApi } from '../../src/api/pool-history-routes.ts';
import type { pricesApi } from '../../src/api/prices-routes.ts';
import type { statusApi } from '../../src/api/status-routes.ts';
import type { termsCheckApi } from '../../src/api/terms-check-routes.ts';
import type { termsApi } from '../../src/api/terms-routes.ts';
import type { whyApi } from '../../src/api/why-routes.ts';

// What routes of the API answer an operator with, as their definitions say.

type Reply<D extends { readonly reply: z.ZodType }> = z.output<D['reply']>;

/** Something that needs a person. */
export type AttentionItem = Reply<typeof attentionApi.list>['items'][number];
/** The pool at this moment. */
export type Status = Reply<typeof statusApi.status>;
/** The same, as the live values have it. */
export type LiveFleet = Reply<typeof liveApi.fleet>;
/** A worker with what it did in the last hour. */
export type FleetWorker = Reply<typeof fleetApi.list>[number];
export type FailedAttempt = Reply<typeof fleetApi.failures>[number];
export type Machine = Reply<typeof whyApi.machines>[number];
export type WorkStep = Reply<typeof whyApi.work>[number];
export type WhyView = Reply<typeof whyApi.why>;
export type Fact = Reply<typeof whyApi.facts>[number];
export type HistoryStep = Reply<typeof poolHistoryApi.read>[number];
export type Prices = Reply<typeof pricesApi.list>;
export type PayoutStatus = Reply<typeof payoutApi.status>;
export type PayoutLine = PayoutStatus['newest'][number];
export type Reconciliation = Reply<typeof payoutApi.reconcile>;
export type Due = Reply<typeof plansApi.due>;
export type KeptPlan = Reply<typeof plansApi.read>;
export type DisputeLine = Reply<typeof disputesApi.list>['disputes'][number];
export type DisputeWhole = Reply<typeof disputesApi.read>;
export type TermsList = Reply<typeof termsApi.list>;
export type TermsCheck = Reply<typeof termsCheckApi.check>;
export type Incidents = Reply<typeof incidentsApi.list>;
export type ChainStatus = Reply<typeof chainApi.status>;
export type Proposals = Reply<typeof chainApi.proposals>;
export type Proposal = Proposals['items'][number];
/** What an action on chain would do. */
export type ChainPlan = Reply<typeof chainApi.prepare>;
export type ChainProgress = Reply<typeof chainApi.progress>;
export type Journal = Reply<typeof journalApi.list>;
export type Letters = Reply<typeof noticesApi.letters>;
export type Notices = Reply<typeof noticesApi.all>;
export type NoticeChoices = Reply<typeof noticesApi.channels>;
export type AuditPage = Reply<typeof auditApi.list>;
export type OperatorLine = Reply<typeof operatorsApi.list>[number];
