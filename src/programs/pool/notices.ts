import type { Database } from '../../database/database.ts';
import { createSecrets } from '../../database/secrets.ts';
import type { Dispatch } from '../../dispatch/dispatch-types.ts';
import type { StandingAlarm } from '../../notices/look-standing.ts';
import { type Notices, startNotices } from '../../notices/notices.ts';
import type { TermsService } from '../../terms/terms-service.ts';
import { linkToPage, type Places } from './places.ts';
import type { PoolBase } from './pool.ts';
import type { PoolSettings } from './settings.ts';

/** Presence is written down as often. */
const LOOK_MS = 15_000;

/** Starts what tells people what happened. Stopped by `started`. */
export async function openNotices(
  settings: PoolSettings,
  { clock, log, metrics }: PoolBase,
  parts: {
    readonly database: Database;
    readonly dispatch: Dispatch;
    readonly terms: TermsService;
    readonly places: Places;
    alarms(): readonly StandingAlarm[];
  },
  started: AsyncDisposableStack,
): Promise<Notices> {
  const { database, dispatch, terms, places, alarms } = parts;
  const [{ key }] = await createSecrets(database).load('notices');
  const { smtpUrl, noticesFrom, telegramToken, telegramUrl, noticeOfflineAfter } = settings;
  const notices = startNotices({
    ...{ database, clock, log, metrics, key, alarms },
    rules: {
      smtp: smtpUrl && noticesFrom ? { url: smtpUrl, from: noticesFrom } : undefined,
      telegram: telegramToken ? { apiUrl: telegramUrl, token: telegramToken } : undefined,
      privateHosts: settings.noticePrivateHosts,
      offlineAfterMs: noticeOfflineAfter,
      lookEveryMs: Math.min(LOOK_MS, noticeOfflineAfter),
    },
    terms: (version) => terms.of(version),
    currentTerms: async () => terms.of((await terms.list()).current),
    link: (page) => linkToPage(settings, places, page),
    quarantined: () => quarantined(dispatch),
    alarms,
  });
  started.defer(() => notices.close());
  return notices;
}

/** Workers in quarantine; nobody is looked at where there are none. */
function* quarantined(dispatch: Dispatch) {
  if (dispatch.summary().quarantined === 0) return;
  for (const { worker } of dispatch.shares()) {
    const until = dispatch.worker(worker)?.quarantinedUntilAt;
    if (dispatch.worker(worker)?.health === 'quarantined' && until !== undefined) {
      yield { worker, until };
    }
  }
}
