import { readFile, rm, writeFile } from 'node:fs/promises';
import { serveAdmin } from '../../api/admin.ts';
import { type ChainRoutesParts, chainRoutes } from '../../api/chain-routes.ts';
import { type EpochsRoutesParts, epochsRoutes } from '../../api/epochs-routes.ts';
import { type LedgerRoutesParts, ledgerRoutes } from '../../api/ledger-routes.ts';
import { type PayoutRoutesParts, payoutRoutes } from '../../api/payout-routes.ts';
import { type PricesRoutesParts, pricesRoutes } from '../../api/prices-routes.ts';
import { type StatusRoutesParts, statusRoutes } from '../../api/status-routes.ts';
import { type TermsRoutesParts, termsRoutes } from '../../api/terms-routes.ts';
import { type WorkersRoutesParts, workersRoutes } from '../../api/workers-routes.ts';
import { adminFiles } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import { base32, secureRandom } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Metrics } from '../../base/metrics.ts';
import { showHostPort } from '../../base/setting-types.ts';
import type { PoolSettings } from './settings.ts';

/** Letters and digits of 256 random bits, five each. */
const TOKEN_BYTES = 32;

/** The admin address while the pool runs. */
export interface RunningAdmin {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves health, metrics and the admin API, and leaves address and token in the data directory for
 * the commands beside the pool.
 */
export async function startAdmin(
  parts: WorkersRoutesParts &
    StatusRoutesParts &
    ChainRoutesParts &
    PricesRoutesParts &
    LedgerRoutesParts &
    TermsRoutesParts &
    EpochsRoutesParts &
    PayoutRoutesParts & {
      readonly metrics: Metrics;
      readonly log: Log;
      ready(): Promise<string | undefined>;
    },
  settings: PoolSettings,
): Promise<RunningAdmin> {
  const files = adminFiles(settings.dataDir);
  const token = settings.adminToken ?? (await keptToken(files.token));
  const admin = await serveAdmin(
    {
      routes: [
        ...workersRoutes(parts),
        ...statusRoutes(parts),
        ...chainRoutes(parts),
        ...pricesRoutes(parts),
        ...ledgerRoutes(parts),
        ...termsRoutes(parts),
        ...epochsRoutes(parts),
        ...payoutRoutes(parts),
      ],
      metrics: parts.metrics,
      ready: parts.ready,
      token,
      log: parts.log,
    },
    { ...settings.adminAddr, tokenChosen: settings.adminToken !== undefined },
  );
  const host = settings.adminAddr.host || '127.0.0.1';
  const url = `http://${showHostPort({ host, port: admin.port })}`;
  await writeFile(files.address, `${JSON.stringify({ url })}\n`, { mode: 0o644 });
  return {
    url,
    async stop() {
      await rm(files.address, { force: true });
      await admin.close();
    },
  };
}

/** The admin token of this data directory: made once, readable by its owner alone. */
async function keptToken(path: string): Promise<string> {
  try {
    const kept = (await readFile(path, 'utf8')).trim();
    if (kept) return kept;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new TributaryError('admin_unauthorized', 'the admin token file cannot be read', {
        cause,
      });
    }
  }
  const token = base32(secureRandom(TOKEN_BYTES));
  await writeFile(path, `${token}\n`, { mode: 0o600 });
  return token;
}
