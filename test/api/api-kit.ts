import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sql from 'sql-template-tag';
import { assetId } from '../../src/base/asset.ts';
import { instant } from '../../src/base/clock.ts';
import {
  newConnectionId,
  newJobId,
  newSessionId,
  newTaskId,
  type WorkerId,
} from '../../src/base/ids.ts';
import { pixels } from '../../src/base/money.ts';
import type { Database } from '../../src/database/database.ts';
import { account } from '../../src/ledger/accounts.ts';
import { createLedger } from '../../src/ledger/ledger.ts';
import { post } from '../../src/ledger/postings-store.ts';
import type { Enrolment, TestPool } from '../start-pool.ts';
import type { AnyDefinition } from './routes.ts';

/** Which of a pool's two addresses. */
export type Address = 'admin' | 'public';

/** Somebody who asks: by token, credential or cookie. */
export interface Asker {
  readonly headers: Readonly<Record<string, string>>;
}

export const stranger: Asker = { headers: {} };

export async function adminToken({ dataDir }: TestPool): Promise<Asker> {
  const token = (await readFile(join(dataDir, 'admin.token'), 'utf8')).trim();
  return { headers: { authorization: `Bearer ${token}` } };
}

export function byCredential({ credential }: Enrolment): Asker {
  return { headers: { authorization: `Bearer ${credential}` } };
}

/** Signs in by a link of the operator. */
export async function byLink(pool: TestPool, who: string): Promise<Asker> {
  const { url } = await pool.admin<{ url: string }>('POST', `/api/v1/${who}/link`);
  const token = new URL(url).searchParams.get('link');
  const reply = await ask(
    pool,
    stranger,
    { method: 'POST', path: '/api/v1/session/link' },
    { body: { token } },
  );
  const cookie = reply.cookie;
  if (!cookie) throw new Error(`${who} was not signed in: ${reply.text}`);
  return { headers: { cookie } };
}

/** What came back. */
export interface Reply {
  readonly status: number;
  readonly text: string;
  readonly code: string | undefined;
  readonly cookie: string | undefined;
  readonly headers: Headers;
}

/** Asks a route; streams are hung up on once their head is there. */
export async function ask(
  pool: TestPool,
  { headers }: Asker,
  { method, path }: Pick<AnyDefinition, 'method' | 'path'>,
  options: { readonly at?: Address; readonly body?: unknown; readonly query?: string } = {},
): Promise<Reply> {
  const { at = 'public', body = {}, query = '' } = options;
  const url = new URL(`${path}${query}`, at === 'admin' ? pool.adminUrl : pool.publicUrl);
  const isPost = method === 'POST';
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...headers, ...(isPost ? { 'content-type': 'application/json' } : {}) },
    ...(isPost ? { body: JSON.stringify(body) } : {}),
  });
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
  if (isStream) await response.body?.cancel();
  const text = isStream ? '' : await response.text();
  const isProblem = response.headers.get('content-type') === 'application/problem+json';
  const code = isProblem ? (JSON.parse(text) as { code: string }).code : undefined;
  const cookie = response.headers.get('set-cookie')?.split(';')[0];
  return { status: response.status, text, code, cookie, headers: response.headers };
}

/** Gives a worker receipts, a line in the books and a payout, as work and pay would. */
export async function giveHistory(
  database: Database,
  worker: string,
  units: bigint,
): Promise<void> {
  const id = worker as WorkerId;
  const issuer = () => ({ pool: new Uint8Array(20), chainId: 0n });
  const ledger = createLedger({ database, receipts: { issuer, rateOf: async () => undefined } });
  const at = instant(Date.now());
  const count = pixels(units);
  for (let index = 0; index < 3; index++) {
    await ledger.append({
      job: newJobId(at),
      attempt: 1,
      task: newTaskId(),
      worker: id,
      connection: newConnectionId(),
      session: newSessionId(),
      sourceDurationMs: 2_000,
      sourceBytes: 1_000,
      sourceHash: Uint8Array.from(randomBytes(32)),
      timings: {},
      at,
      verdict: 'credited',
      profiles: [
        ...[{ name: 'P', width: 1, height: 1, frames: 1, pixels: count, bytes: 1 }].map((one) => ({
          ...one,
          hash: new Uint8Array(32),
        })),
      ],
      pixels: count,
    });
  }
  await ledger.close();
  const asset = assetId('ETH');
  await database.transact((tx) =>
    post(tx, {
      cause: `test:${worker}`,
      kind: 'correction',
      at,
      entries: [
        { account: account('external'), asset, amount: units },
        { account: account('worker', worker), asset, amount: -units, note: '=HYPERLINK("evil")' },
      ],
    }),
  );
  const [batch, payout] = [randomUUID(), randomUUID()];
  const plan = `{"test":"${batch}"}`;
  await database.transact(async (tx) => {
    await tx.query(sql`
      insert into payout_plan (digest, plan, previewed_at, run_at)
      values (sha256(convert_to(${plan}, 'UTF8')), ${plan}, now(), now())`);
    await tx.query(sql`
      insert into payout_batch (id, digest, place, method, asset, created_at, settled_at)
      values (${batch}, sha256(convert_to(${plan}, 'UTF8')), 0, 'fiat', 'ETH', now(), now())`);
    await tx.query(sql`
      insert into payout (id, batch, place, worker, asset, amount, recipient, created_at)
      values (${payout}, ${batch}, 0, ${worker}, 'ETH', ${units}, ${randomBytes(20)}, now())`);
    await tx.query(sql`
      insert into payout_line (payout, owed_asset, owed_amount) values (${payout}, 'ETH', ${units})`);
    for (const state of ['reserved', 'broadcast']) {
      await tx.query(sql`
        update payout set state = ${state},
          reference = ${state === 'reserved' ? null : `0x${randomBytes(32).toString('hex')}`}
        where id = ${payout}`);
    }
    await tx.query(sql`
      update payout set state = 'final', received = amount, ended_at = now() where id = ${payout}`);
  });
}
