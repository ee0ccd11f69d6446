import { readFile, rm, writeFile } from 'node:fs/promises';
import { type AdminParts, serveAdmin } from '../../api/admin.ts';
import { adminFiles } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import { base32, secureRandom } from '../../base/ids.ts';
import { showHostPort } from '../../base/setting-types.ts';
import type { PoolSettings } from './settings.ts';

/** Letters and digits of 256 random bits, five each. */
const TOKEN_BYTES = 32;

/** The admin address while the pool runs. */
export interface RunningAdmin {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves health, metrics and the API, and leaves the address for the commands beside the pool. */
export async function startAdmin(parts: AdminParts, settings: PoolSettings): Promise<RunningAdmin> {
  const files = adminFiles(settings.dataDir);
  const admin = await serveAdmin(parts, {
    ...settings.adminAddr,
    tokenChosen: settings.adminToken !== undefined,
  });
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

/** The admin token that the operator chose, or that of the data directory. */
export async function adminTokenOf(settings: PoolSettings): Promise<string> {
  return settings.adminToken ?? keptToken(adminFiles(settings.dataDir).token);
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
