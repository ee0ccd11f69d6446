import { z } from 'zod';
import { PPM } from '../base/amounts.ts';
import { TributaryError } from '../base/errors.ts';
import type { ChainAction, ChainActions, Plan, Progress } from '../duties/action-types.ts';
import type { Route } from './admin.ts';

/** A reason is stored on chain for ever, at a price by its length. */
const REASON_CHARS_MAX = 1_000;

export interface ChainRoutesParts {
  /** Undefined: the pool works off chain. */
  readonly chain: ChainActions | undefined;
}

/**
 * `/api/v1/chain`: how the orchestrator stands, what an action would do (`prepare`), doing it
 * (`submit`), and how far it has got.
 */
export function chainRoutes({ chain }: ChainRoutesParts): readonly Route[] {
  const on = (): ChainActions => {
    if (chain) return chain;
    throw new TributaryError('chain_off', 'This pool works off chain.');
  };
  return [
    {
      method: 'GET',
      path: '/api/v1/chain/status',
      handle: async () => ({ status: 200, value: await on().status() }),
    },
    {
      method: 'POST',
      path: '/api/v1/chain/prepare',
      async handle({ body }) {
        const prepared = await on().prepare(actionIn(body));
        if (!prepared.ok) throw new TributaryError(prepared.reason, prepared.text);
        return { status: 200, value: prepared.plan satisfies Plan };
      },
    },
    {
      method: 'POST',
      path: '/api/v1/chain/submit',
      async handle({ body }) {
        const submitted = await on().submit(actionIn(body));
        if (!submitted.ok) throw new TributaryError(submitted.reason, submitted.text);
        return { status: 202, value: submitted.progress satisfies Progress };
      },
    },
    {
      // Answers once there is something newer than the given version, or after some seconds.
      method: 'GET',
      path: '/api/v1/chain/actions/{id}/after/{version}',
      async handle({ params }) {
        const version = /^\d{1,9}$/.test(params.version ?? '') ? Number(params.version) : -1;
        const progress = await on().progress(params.id ?? '', version);
        if (progress) return { status: 200, value: progress };
        throw new TributaryError('chain_submission_unknown', 'The pool knows no such action.');
      },
    },
  ];
}

/** A decimal integer as text, since a JSON number would lose digits. */
const units = z
  .string()
  .regex(/^\d{1,78}$/)
  .transform(BigInt);
const share = units.refine((value) => value <= PPM);
const account = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text as `0x${string}`);

const action = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('register'),
    bond: units,
    rewardCut: share,
    feeShare: share,
    serviceUri: z.string(),
  }),
  z.strictObject({ do: z.literal('set-service-uri'), serviceUri: z.string() }),
  z.strictObject({ do: z.literal('bond'), amount: units }),
  z.strictObject({ do: z.literal('unbond'), amount: z.union([z.literal('all'), units]) }),
  z.strictObject({ do: z.literal('rebond'), lock: units }),
  z.strictObject({ do: z.literal('withdraw-stake'), lock: units }),
  z.strictObject({ do: z.literal('set-cuts'), rewardCut: share, feeShare: share }),
  z.strictObject({ do: z.literal('reward') }),
  z.strictObject({
    do: z.literal('set-reward-caller'),
    caller: z.union([z.literal('none'), account]),
  }),
  z.strictObject({ do: z.literal('init-round') }),
  z.strictObject({
    do: z.literal('withdraw-fees'),
    amount: z.union([z.literal('all'), units]),
    to: account.optional(),
  }),
  z.strictObject({
    do: z.literal('vote'),
    proposal: units,
    support: z.enum(['for', 'against', 'abstain']),
    reason: z.string().max(REASON_CHARS_MAX),
  }),
  z.strictObject({ do: z.literal('vote-poll'), poll: account, choice: z.enum(['yes', 'no']) }),
  z.strictObject({
    do: z.literal('transfer'),
    asset: z.enum(['LPT', 'ETH']),
    amount: units,
    to: account,
  }),
]);

function actionIn(body: Readonly<Record<string, unknown>>): ChainAction {
  const decoded = action.safeParse(body);
  if (!decoded.success) {
    const [issue] = decoded.error.issues;
    const where = issue?.path.join('.') || 'do';
    throw new TributaryError('setting_invalid', `"${where}" of the action is not allowed`);
  }
  const { data } = decoded;
  return data.do === 'withdraw-fees' ? { ...data, to: data.to ?? undefined } : data;
}
