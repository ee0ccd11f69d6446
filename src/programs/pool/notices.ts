import { join } from 'node:path';
import type { Database } from '../../database/database.ts';
import type { Dispatch } from '../../dispatch/dispatch-types.ts';
import { openNoticesKey } from '../../notices/key.ts';
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
  const file = settings.noticesKeyFile ?? join(settings.dataDir, 'notices.key');
  const opened = await openNoticesKey({
    ...{ database, clock, log, file, lost: settings.noticesKeyLost },
    forAllNodes: settings.noticesKeyFile !== undefined || settings.databaseUrl === undefined,
  });
  const since = clock.now();
  const ownAlarms: readonly StandingAlarm[] = opened.ok ? [] : [{ ...KEY_ALARM, since }];
  const { smtpUrl, noticesFrom, telegramToken, telegramUrl, noticeOfflineAfter } = settings;
  const notices = startNotices({
    ...{ database, clock, log, metrics },
    key: opened.ok ? opened.key : undefined,
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
    alarms: () => [...alarms(), ...ownAlarms],
  });
  started.defer(() => notices.close());
  return notices;
}

const KEY_ALARM = {
  kind: 'notices_key_unusable',
  text: 'A node lacks the key of notices. It sends none, and lets nobody say where to be told.',
  advice:
    'Give it the file of the other nodes, or of the backup, by --notices-key-file; --notices-key-lost begins anew.',
} as const;

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
