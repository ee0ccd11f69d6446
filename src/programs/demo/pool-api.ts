import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { adminFiles } from '../../base/data-dir.ts';
import { TributaryError } from '../../base/errors.ts';
import { tookTooLong } from './busy.ts';

/** It runs on this machine; where much else does, an answer takes seconds. */
const ANSWER_MS_MAX = 30_000;

const pixels = z.union([z.string(), z.number()]).transform((value) => BigInt(value));

const status = z.object({
  segments: z.object({
    ok: z.number(),
    failed: z.number(),
    retried: z.number(),
    inFlight: z.number(),
  }),
  workers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      status: z.string(),
      connections: z.number(),
      sessions: z.number(),
      runningTasks: z.number(),
      segments: z.number(),
      failedAttempts: z.number(),
      pixels,
    }),
  ),
});

/** The pool at one moment. */
export type PoolStatus = z.infer<typeof status>;

const totals = z.array(
  z.object({
    worker: z.string(),
    name: z.string(),
    segments: z.number(),
    failedAttempts: z.number(),
    pixels,
  }),
);

/** What the database says that each worker contributed. */
export type Totals = z.infer<typeof totals>;

/** Wei, LPT, rounds and counts: decimal text, since a number would lose digits. */
const units = z.string().transform(BigInt);

const chainStatus = z.object({
  active: z.boolean(),
  round: units,
  roundInitialized: z.boolean(),
  lastRewardRound: units,
  stake: units,
  pendingFees: units,
  ticketsReceived: units,
  ticketsWon: units,
  ticketsRedeemed: units,
  expectedValueWei: units,
  redeemedWei: units,
  queuedWinners: units,
  gasSpentWei: units,
});

/** The orchestrator on chain at one moment, as `tributary chain status --json` tells it. */
export type ChainStatus = z.infer<typeof chainStatus>;

const enrolment = z.object({
  id: z.string(),
  name: z.string(),
  credential: z.string(),
  join: z.string(),
});

const payouts = z.object({
  newest: z.array(z.object({ state: z.string(), asset: z.string(), amount: units })),
});

/** Every payout so far, the newest first. */
export type Payouts = z.infer<typeof payouts>['newest'];

/** A worker as enrolled, with the credential and the join string that let it in. */
export type Enrolled = z.infer<typeof enrolment>;

/** The admin API of the demo's pool. Calls throw `demo_failed`, or `demo_slow`. */
export interface PoolApi {
  status(): Promise<PoolStatus>;
  totals(): Promise<Totals>;
  chain(): Promise<ChainStatus>;
  payouts(): Promise<Payouts>;
  /** @param payoutAddress where the worker wants to be paid */
  enrol(name: string, payoutAddress: string): Promise<Enrolled>;
}

/** Reads the token that the pool left in its data directory. */
export async function connectPool(options: {
  readonly url: string;
  readonly dataDir: string;
  /** How long an answer may take. */
  readonly answerMs?: number;
}): Promise<PoolApi> {
  const { answerMs = ANSWER_MS_MAX } = options;
  const token = (await readFile(adminFiles(options.dataDir).token, 'utf8')).trim();

  const call = async <T>(schema: z.ZodType<T>, path: string, body?: object): Promise<T> => {
    const response = await fetch(new URL(path, options.url), {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(answerMs),
      ...(body ? { body: JSON.stringify(body) } : {}),
    }).catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === 'TimeoutError') {
        throw tookTooLong('The pool’s admin address did not answer', answerMs);
      }
      throw new TributaryError('demo_failed', 'The pool’s admin address does not answer.', {
        cause,
      });
    });
    const parsed = schema.safeParse(response.ok ? await response.json() : undefined);
    if (parsed.success) return parsed.data;
    const [fault] = parsed.error.issues;
    const said = response.ok
      ? `${fault?.path.join('.')}: ${fault?.message}`
      : await response.text();
    const why = `The pool answered ${path} with ${response.status}: ${said}`;
    throw new TributaryError('demo_failed', why);
  };

  return {
    status: () => call(status, '/api/v1/status'),
    totals: () => call(totals, '/api/v1/contributions/totals'),
    chain: () => call(chainStatus, '/api/v1/chain/status'),
    payouts: async () => (await call(payouts, '/api/v1/payouts/status')).newest,
    enrol: (name, payoutAddress) => call(enrolment, '/api/v1/workers', { name, payoutAddress }),
  };
}
