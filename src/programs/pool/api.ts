import { type Api, createApi } from '../../api/app.ts';
import { attentionRoutes } from '../../api/attention-routes.ts';
import { auditRoutes } from '../../api/audit-routes.ts';
import { createAuditLog } from '../../api/audit-store.ts';
import { type ChainRoutesParts, chainRoutes } from '../../api/chain-routes.ts';
import { discordRoutes } from '../../api/discord-routes.ts';
import { type DisputesRoutesParts, disputesRoutes } from '../../api/disputes-routes.ts';
import { type EpochsRoutesParts, epochsRoutes } from '../../api/epochs-routes.ts';
import { evidenceRoutes } from '../../api/evidence-routes.ts';
import { type FleetRoutesParts, fleetRoutes } from '../../api/fleet-routes.ts';
import { createIdentify } from '../../api/identify.ts';
import { incidentsRoutes } from '../../api/incidents-routes.ts';
import { journalRoutes } from '../../api/journal-routes.ts';
import { type LedgerRoutesParts, ledgerRoutes } from '../../api/ledger-routes.ts';
import { createLive } from '../../api/live.ts';
import { liveRoutes } from '../../api/live-routes.ts';
import { manifestRoutes } from '../../api/manifest-routes.ts';
import { meAskRoutes } from '../../api/me-ask-routes.ts';
import { meChoiceRoutes } from '../../api/me-choice-routes.ts';
import { meNoticesRoutes } from '../../api/me-notices-routes.ts';
import { mePayRoutes } from '../../api/me-pay-routes.ts';
import { meProgressRoutes } from '../../api/me-progress-routes.ts';
import { meRoutes } from '../../api/me-routes.ts';
import { noticesRoutes } from '../../api/notices-routes.ts';
import { openapiRoute } from '../../api/openapi.ts';
import { operatorsRoutes } from '../../api/operators-routes.ts';
import { paidRoutes } from '../../api/paid-routes.ts';
import { type PayoutRoutesParts, payoutRoutes } from '../../api/payout-routes.ts';
import { plansRoutes } from '../../api/plans-routes.ts';
import { poolHistoryRoutes } from '../../api/pool-history-routes.ts';
import { type PoolRoutesParts, poolRoutes, poolSnapshot } from '../../api/pool-routes.ts';
import { type PricesRoutesParts, pricesRoutes } from '../../api/prices-routes.ts';
import { receiptsRoutes } from '../../api/receipts-route.ts';
import { refundsRoutes } from '../../api/refunds-routes.ts';
import { createBuckets } from '../../api/request-rate.ts';
import { secretsRoutes } from '../../api/secrets-routes.ts';
import { sessionRoutes } from '../../api/session-routes.ts';
import { createSessions, type SessionsParts } from '../../api/sessions.ts';
import { type StatusRoutesParts, statusRoutes } from '../../api/status-routes.ts';
import { termsCheckRoutes } from '../../api/terms-check-routes.ts';
import { type TermsRoutesParts, termsRoutes } from '../../api/terms-routes.ts';
import { whyRoutes } from '../../api/why-routes.ts';
import { type WorkersRoutesParts, workersRoutes } from '../../api/workers-routes.ts';
import type { Database } from '../../database/database.ts';
import { createSecrets } from '../../database/secrets.ts';
import type { ManifestPublisher } from '../../manifest/publisher.ts';
import type { Notices } from '../../notices/notices.ts';
import { adminTokenOf } from './admin.ts';
import { openDiscord } from './discord.ts';
import { operatorsWord } from './manifest.ts';
import type { Measuring } from './measure.ts';
import { linkTo, linkToPage, originsOf, type Places } from './places.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** Off chain a wallet has to be on some chain all the same; this is where pools are. */
const ARBITRUM_ONE = 42_161;

/** What the routes of a pool stand on. */
export type PoolApiParts = WorkersRoutesParts &
  StatusRoutesParts &
  ChainRoutesParts &
  PricesRoutesParts &
  LedgerRoutesParts &
  TermsRoutesParts &
  EpochsRoutesParts &
  DisputesRoutesParts &
  PayoutRoutesParts &
  Pick<FleetRoutesParts, 'quarantine'> &
  Omit<PoolRoutesParts, 'clock' | 'log' | 'operator'> &
  Measuring & {
    readonly database: Database;
    readonly manifest: ManifestPublisher;
    readonly notices: Notices;
    /** Filled in when the addresses listen. */
    readonly places: Places;
    /** Asks contract wallets; undefined off chain. */
    readonly contractSays: SessionsParts['contractSays'];
  };

/** Puts the API of a pool together; both its addresses serve it. `started` closes what it started. */
export async function openApi(
  settings: PoolSettings,
  { clock, log }: PoolBase,
  parts: PoolApiParts,
  started: AsyncDisposableStack,
): Promise<Api> {
  const { database, places } = parts;
  const [{ key }] = await createSecrets(database).load('api');
  const operatorsEverywhere = settings.operatorPages === 'everywhere';
  const sessions = createSessions({
    ...{ database, clock, key },
    origins: () => originsOf(settings, places),
    chainId: Number(parts.identity.chainId) || ARBITRUM_ONE,
    contractSays: parts.contractSays,
  });
  const pool = poolSnapshot({ ...parts, clock, log, operator: operatorsWord(settings) });
  const live = createLive({ clock, log });
  started.defer(() => live.close());
  const discord = openDiscord(
    settings,
    { clock },
    {
      ...{ database, seal: parts.notices.seal },
      api: () => api,
    },
  );
  const routes = [
    ...workersRoutes({
      ...parts,
      site: () => linkToPage(settings, places, '/')?.replace(/\/$/, ''),
    }),
    ...statusRoutes(parts),
    ...chainRoutes(parts),
    ...pricesRoutes(parts),
    ...ledgerRoutes(parts),
    ...termsRoutes(parts),
    ...epochsRoutes(parts),
    ...disputesRoutes(parts),
    ...payoutRoutes(parts),
    ...receiptsRoutes(parts),
    ...poolRoutes(pool),
    ...liveRoutes({ ...parts, ...{ live, clock, sessions, pool } }),
    ...sessionRoutes({ sessions, key, clock }),
    ...operatorsRoutes({
      ...{ database, sessions, clock, workers: parts.workers },
      linkTo: (who, token) => linkTo(settings, places, { who, token }),
    }),
    ...secretsRoutes({ database }),
    ...auditRoutes({ database }),
    ...evidenceRoutes(parts),
    ...whyRoutes({ ...parts, clock }),
    ...poolHistoryRoutes({ ...parts, clock }),
    ...incidentsRoutes(parts),
    ...refundsRoutes(parts),
    ...paidRoutes(parts),
    ...attentionRoutes({ ...parts, clock }),
    ...fleetRoutes({ ...parts, clock }),
    ...journalRoutes({ database }),
    ...plansRoutes(parts),
    ...termsCheckRoutes(parts),
    ...meRoutes(parts),
    ...mePayRoutes(parts),
    ...meProgressRoutes({ ...parts, clock }),
    ...meAskRoutes(parts),
    ...meChoiceRoutes(parts),
    ...manifestRoutes(parts),
    ...noticesRoutes({
      ...parts,
      poolName: async () => (await parts.terms.of((await parts.terms.list()).current)).name,
      link: (page) => linkToPage(settings, places, page),
    }),
    ...meNoticesRoutes({ ...parts, discord }),
    ...discordRoutes({ discord }),
  ];
  const api: Api = createApi({
    routes: [...routes, openapiRoute(routes)],
    identify: createIdentify({
      token: await adminTokenOf(settings),
      workers: parts.workers,
      session: sessions.actorOf,
      operatorsEverywhere,
    }),
    key,
    operatorsEverywhere,
    clock,
    rate: createBuckets(clock),
    audit: createAuditLog(database, clock),
    log,
  });
  return api;
}
