import { attentionApi } from './attention-routes.ts';
import { auditApi } from './audit-routes.ts';
import { chainApi } from './chain-routes.ts';
import { discordApi } from './discord-routes.ts';
import { disputesApi } from './disputes-routes.ts';
import { epochsApi } from './epochs-routes.ts';
import { evidenceApi } from './evidence-routes.ts';
import { fleetApi } from './fleet-routes.ts';
import { incidentsApi } from './incidents-routes.ts';
import { journalApi } from './journal-routes.ts';
import { ledgerApi } from './ledger-routes.ts';
import { liveApi } from './live-routes.ts';
import { manifestApi } from './manifest-routes.ts';
import { meAskApi } from './me-ask-routes.ts';
import { meChoiceApi } from './me-choice-routes.ts';
import { meNoticesApi } from './me-notices-routes.ts';
import { mePayApi } from './me-pay-routes.ts';
import { meProgressApi } from './me-progress-routes.ts';
import { meApi } from './me-routes.ts';
import { noticesApi } from './notices-routes.ts';
import { openapiApi } from './openapi.ts';
import { operatorsApi } from './operators-routes.ts';
import { paidApi } from './paid-routes.ts';
import { payoutApi } from './payout-routes.ts';
import { plansApi } from './plans-routes.ts';
import { poolHistoryApi } from './pool-history-routes.ts';
import { poolApi } from './pool-routes.ts';
import { pricesApi } from './prices-routes.ts';
import { receiptsApi } from './receipts-route.ts';
import { refundsApi } from './refunds-routes.ts';
import { secretsApi } from './secrets-routes.ts';
import { sessionApi } from './session-routes.ts';
import { statusApi } from './status-routes.ts';
import { termsCheckApi } from './terms-check-routes.ts';
import { termsApi } from './terms-routes.ts';
import { whyApi } from './why-routes.ts';
import { workersApi } from './workers-routes.ts';

/** Every route of the pool, by noun: the client takes its types from here, and a test of access. */
export const definitions = {
  attention: attentionApi,
  audit: auditApi,
  chain: chainApi,
  discord: discordApi,
  disputes: disputesApi,
  epochs: epochsApi,
  evidence: evidenceApi,
  fleet: fleetApi,
  incidents: incidentsApi,
  journal: journalApi,
  ledger: ledgerApi,
  live: liveApi,
  manifest: manifestApi,
  me: meApi,
  meAsk: meAskApi,
  meChoice: meChoiceApi,
  meNotices: meNoticesApi,
  mePay: mePayApi,
  meProgress: meProgressApi,
  notices: noticesApi,
  openapi: openapiApi,
  operators: operatorsApi,
  paid: paidApi,
  payouts: payoutApi,
  plans: plansApi,
  pool: poolApi,
  poolHistory: poolHistoryApi,
  prices: pricesApi,
  receipts: receiptsApi,
  refunds: refundsApi,
  secrets: secretsApi,
  session: sessionApi,
  status: statusApi,
  terms: termsApi,
  termsCheck: termsCheckApi,
  why: whyApi,
  workers: workersApi,
} as const;
