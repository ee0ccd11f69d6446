import { type Api, createApi } from '../../api/app.ts';
import { type ChainRoutesParts, chainRoutes } from '../../api/chain-routes.ts';
import { type EpochsRoutesParts, epochsRoutes } from '../../api/epochs-routes.ts';
import { createIdentify } from '../../api/identify.ts';
import { type LedgerRoutesParts, ledgerRoutes } from '../../api/ledger-routes.ts';
import { openapiRoute } from '../../api/openapi.ts';
import { type PayoutRoutesParts, payoutRoutes } from '../../api/payout-routes.ts';
import { type PoolRoutesParts, poolRoutes } from '../../api/pool-routes.ts';
import { type PricesRoutesParts, pricesRoutes } from '../../api/prices-routes.ts';
import { receiptsRoutes } from '../../api/receipts-route.ts';
import { createBuckets } from '../../api/request-rate.ts';
import { type StatusRoutesParts, statusRoutes } from '../../api/status-routes.ts';
import { type TermsRoutesParts, termsRoutes } from '../../api/terms-routes.ts';
import { type WorkersRoutesParts, workersRoutes } from '../../api/workers-routes.ts';
import type { Database } from '../../database/database.ts';
import { createSecrets } from '../../database/secrets.ts';
import { adminTokenOf } from './admin.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** What the routes of a pool stand on. */
export type PoolApiParts = WorkersRoutesParts &
  StatusRoutesParts &
  ChainRoutesParts &
  PricesRoutesParts &
  LedgerRoutesParts &
  TermsRoutesParts &
  EpochsRoutesParts &
  PayoutRoutesParts &
  Omit<PoolRoutesParts, 'clock' | 'log'> & { readonly database: Database };

/** Puts the API of a pool together; both its addresses serve it. */
export async function openApi(
  settings: PoolSettings,
  { clock, log }: PoolBase,
  parts: PoolApiParts,
): Promise<Api> {
  const [secret] = await createSecrets(parts.database).load('api');
  const routes = [
    ...workersRoutes(parts),
    ...statusRoutes(parts),
    ...chainRoutes(parts),
    ...pricesRoutes(parts),
    ...ledgerRoutes(parts),
    ...termsRoutes(parts),
    ...epochsRoutes(parts),
    ...payoutRoutes(parts),
    ...receiptsRoutes(parts),
    ...poolRoutes({ ...parts, clock, log }),
  ];
  return createApi({
    routes: [...routes, openapiRoute(routes)],
    identify: createIdentify({ token: await adminTokenOf(settings), workers: parts.workers }),
    key: secret.key,
    operatorsEverywhere: false,
    rate: createBuckets(clock),
    log,
  });
}
