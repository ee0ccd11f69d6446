import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TributaryError } from '../base/errors.ts';

/** PostgreSQL refuses to run as root; these accounts exist already, the best one first. */
const CANDIDATES = ['postgres', '_postgres', 'nobody', 'daemon'];

/** Whom PostgreSQL runs as; undefined: ourselves. */
export type Account = { readonly uid: number; readonly gid: number } | undefined;

/**
 * As root: whoever owns the cluster already (so that a `postgres` installed later changes nothing),
 * else the first of a few unprivileged accounts that exist everywhere. Else ourselves. Throws
 * `database_embedded_failed` when there is none.
 */
export async function chooseAccount(clusterDir: string): Promise<Account> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(clusterDir).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account = unprivileged(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  if (account) return account;
  throw new TributaryError(
    'database_embedded_failed',
    `PostgreSQL does not run as root, and there is no account ${CANDIDATES.join(', ')}`,
  );
}

/** The best account in the text of /etc/passwd. */
export function unprivileged(passwd: string): Account {
  const accounts = new Map(
    passwd.split('\n').map((line) => {
      const [name = '', , uid, gid] = line.split(':');
      return [name, { uid: Number(uid), gid: Number(gid) }];
    }),
  );
  for (const name of CANDIDATES) {
    const account = accounts.get(name);
    if (account && account.uid > 0 && Number.isInteger(account.gid)) return account;
  }
  return undefined;
}

/** May `account` enter every directory down to `path`? (Permission bits; ACLs are not looked at.) */
export async function canReach(account: Account, path: string): Promise<boolean> {
  if (!account) return true;
  for (let at = path; ; at = dirname(at)) {
    const { mode, uid, gid } = await stat(at);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (dirname(at) === at) return true;
  }
}
