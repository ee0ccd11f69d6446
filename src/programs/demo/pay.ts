import { z } from 'zod';
import { showEth, showLpt } from '../../base/amounts.ts';
import type { Clock } from '../../base/clock.ts';
import type { Cast } from './cast.ts';
import { answerOf, type Child, failureOf, jsonOf } from './children.ts';
import type { Payouts } from './pool-api.ts';
import type { Check } from './view.ts';

/** Payouts take some blocks of a second each; a busy machine takes its time. */
const PAID_MS_MAX = 120_000;
const LOOK_MS = 250;
/** The pool publishes what was paid some seconds after it is final. */
const PUBLISHED_MS = 2_000;

const units = z.string().regex(/^\d+$/).transform(BigInt);
const amounts = z.record(z.string(), units);

/** `tributary verify --json`. */
const verdict = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    owed: amounts,
    paid: amounts,
    epochs: z.array(z.object({ receipts: z.number().optional(), recomputed: z.boolean() })),
  }),
  z.object({ ok: z.literal(false), text: z.string() }),
]);
const closed = z.object({ epoch: units });
const preview = z.object({ digest: z.string() });

/** Base units by the symbol of their asset. */
export type Amounts = Readonly<Record<string, bigint>>;

/** What one worker found when it checked its pay. */
export type Finding =
  | {
      readonly ok: true;
      readonly owed: Amounts;
      readonly paid: Amounts;
      readonly receipts: number;
    }
  | { readonly ok: false; readonly text: string };

/** What came of the epoch that the demo closes. */
export interface PayEvidence {
  readonly epoch: bigint;
  readonly payouts: Payouts;
  readonly verdicts: readonly { readonly worker: string; readonly found: Finding }[];
}

/**
 * Closes the epoch and pays the workers as an operator would, then lets each worker check its pay as
 * its owner would: from what the pool published, the receipts that the worker kept, and the chain.
 * Throws `demo_failed` where one of these could not be done at all.
 */
export async function settlePay(
  cast: Pick<Cast, 'operator' | 'verify' | 'api' | 'chain'>,
  workers: readonly string[],
  { clock, show }: { readonly clock: Clock; show(headline: string): void },
): Promise<PayEvidence> {
  const until = clock.now() + PAID_MS_MAX;
  const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  const answer = async <T>(schema: z.ZodType<T>, name: string, args: readonly string[]) =>
    answerOf(schema, cast.operator(name, [...args, '--json']));

  show('Closing the epoch.');
  const { epoch } = await answer(closed, 'closing of the epoch', ['epoch', 'close', '--yes']);
  // Rewards are stake. Who pays them out at once does it from LPT of their own, and books that.
  const funded = ['payouts', 'funded', await cast.chain.fundPayouts()];
  await answer(z.unknown(), 'funding of the payouts', funded);
  show('Paying the workers: what goes out is shown first, then sent.');
  const shown = ['payouts', 'preview', '--now'];
  const { digest } = await answer(preview, 'preview of the payouts', shown);
  await answer(z.unknown(), 'payouts', ['payouts', 'run', digest]);
  let payouts = await cast.api.payouts();
  while (clock.now() < until && payouts.some(({ state }) => state !== 'final')) {
    await pause(LOOK_MS);
    payouts = await cast.api.payouts();
  }

  show('Checking, as each worker would, what it is owed and was paid.');
  const verdicts = [];
  for (const worker of workers) {
    let found = await findingOf(await cast.verify(worker));
    while (clock.now() < until && found.ok && !isPaid(found)) {
      await pause(PUBLISHED_MS);
      found = await findingOf(await cast.verify(worker));
    }
    verdicts.push({ worker, found });
  }
  return { epoch, payouts, verdicts };
}

/** A verifier that says nothing has no verdict, and that is a failure of the demo. */
async function findingOf(verifier: Child): Promise<Finding> {
  const said = verdict.safeParse(await jsonOf(verifier));
  if (!said.success) throw await failureOf(verifier);
  if (!said.data.ok) return said.data;
  if ((await verifier.exited) !== 0) throw await failureOf(verifier);
  const { owed, paid, epochs } = said.data;
  if (!epochs.every(({ recomputed }) => recomputed)) {
    return { ok: false, text: 'an epoch was not recomputed' };
  }
  const receipts = epochs.reduce((sum, one) => sum + (one.receipts ?? 0), 0);
  return { ok: true, owed, paid, receipts };
}

function isPaid({ owed, paid }: { readonly owed: Amounts; readonly paid: Amounts }): boolean {
  const assets = new Set([...Object.keys(owed), ...Object.keys(paid)]);
  return [...assets].every((asset) => (owed[asset] ?? 0n) === (paid[asset] ?? 0n));
}

/** What must hold of the pay, each with its figure. */
export function payChecks(
  evidence: PayEvidence,
  credited: readonly { readonly name: string; readonly segments: number }[],
): readonly Check[] {
  return [verifiedCheck(evidence, credited), paidCheck(evidence)];
}

/** Every worker found its pay right, and each has a receipt for all that it was credited. */
function verifiedCheck(
  { epoch, verdicts }: PayEvidence,
  credited: readonly { readonly name: string; readonly segments: number }[],
): Check {
  const name = 'Pay verified';
  for (const { worker, found } of verdicts) {
    if (!found.ok) return { name, ok: false, figure: `${worker}: ${found.text}` };
    const segments = credited.find((row) => row.name === worker)?.segments ?? 0;
    if (found.receipts !== segments) {
      const figure = `${worker} has ${found.receipts} receipts for ${segments} segments`;
      return { name, ok: false, figure };
    }
  }
  const somebody = verdicts.some(({ found }) => found.ok && (found.owed.ETH ?? 0n) > 0n);
  return {
    name,
    ok: somebody && verdicts.length > 0,
    figure: somebody
      ? `epoch ${epoch} recomputed by ${verdicts.map(({ worker }) => worker).join(' and ')}: OK`
      : `epoch ${epoch} owes nobody anything`,
  };
}

/** Each worker found on chain what it is owed, to the last unit, in both assets. */
function paidCheck({ payouts, verdicts }: PayEvidence): Check {
  const name = 'Workers paid';
  const waiting = payouts.find(({ state }) => state !== 'final');
  if (waiting)
    return { name, ok: false, figure: `a payout in ${waiting.asset} is ${waiting.state}` };
  for (const { worker, found } of verdicts) {
    if (found.ok && isPaid(found)) continue;
    const owed = found.ok ? amountsText(found.owed) : 'not verified';
    return { name, ok: false, figure: `${worker}: owed ${owed}, paid ${paidText(found)}` };
  }
  const sums = new Map<string, bigint>();
  for (const { asset, amount } of payouts) sums.set(asset, (sums.get(asset) ?? 0n) + amount);
  const figure = `${payouts.length} payouts final, ${amountsText(Object.fromEntries(sums))}`;
  return { name, ok: sums.has('ETH') && sums.has('LPT'), figure };
}

/** `0.07 ETH and 5 LPT`, rounded as everywhere in the view; `nothing`; or that it is not known. */
export function paidText(found: Finding | undefined): string {
  return found?.ok ? amountsText(found.paid) : 'not verified';
}

function amountsText(all: Amounts): string {
  const parts = Object.entries(all)
    .filter(([, amount]) => amount > 0n)
    .map(([asset, amount]) => {
      if (asset === 'ETH') return showEth(amount);
      return asset === 'LPT' ? showLpt(amount) : `${amount} ${asset}`;
    });
  return parts.length === 0 ? 'nothing' : parts.join(' and ');
}
