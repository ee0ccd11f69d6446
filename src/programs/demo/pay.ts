import { z } from 'zod';
import { showEth, showLpt } from '../../base/amounts.ts';
import type { Cast } from './cast.ts';
import { type Child, failureOf } from './children.ts';
import type { Check } from './view.ts';

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

/** Base units by the symbol of their asset. */
export type Owed = Readonly<Record<string, bigint>>;

/** What one worker found when it checked its pay. */
export type Finding =
  | { readonly ok: true; readonly owed: Owed; readonly receipts: number }
  | { readonly ok: false; readonly text: string };

/** What came of the epoch that the demo closes. */
export interface PayEvidence {
  readonly epoch: bigint;
  readonly verdicts: readonly { readonly worker: string; readonly found: Finding }[];
}

/**
 * Closes the epoch as an operator would, then lets each worker check its pay as its owner would:
 * from what the pool published, the receipts that the worker kept, and the chain.
 */
export async function settlePay(
  cast: Pick<Cast, 'closeEpoch' | 'verify'>,
  workers: readonly string[],
): Promise<PayEvidence> {
  const closing = cast.closeEpoch();
  const answer = closed.safeParse(await jsonOf(closing));
  if (!answer.success || (await closing.exited) !== 0) throw await failureOf(closing);
  const verdicts = [];
  for (const worker of workers)
    verdicts.push({ worker, found: await finding(await cast.verify(worker)) });
  return { epoch: answer.data.epoch, verdicts };
}

/** A verifier that says nothing has no verdict, and that is a failure of the demo. */
async function finding(verifier: Child): Promise<Finding> {
  const said = verdict.safeParse(await jsonOf(verifier));
  if (!said.success) throw await failureOf(verifier);
  if (!said.data.ok) return said.data;
  if ((await verifier.exited) !== 0) throw await failureOf(verifier);
  const { owed, epochs } = said.data;
  if (!epochs.every(({ recomputed }) => recomputed)) {
    return { ok: false, text: 'an epoch was not recomputed' };
  }
  return { ok: true, owed, receipts: epochs.reduce((sum, one) => sum + (one.receipts ?? 0), 0) };
}

/** The last line of standard output; undefined when that is no JSON. */
async function jsonOf(child: Child): Promise<unknown> {
  let last = '';
  child.onLine((line) => {
    last = line;
  });
  await child.silent;
  try {
    return JSON.parse(last);
  } catch {
    return undefined;
  }
}

/** Every worker found its pay right, and each has a receipt for all that it was credited. */
export function payCheck(
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

/** `0.07 ETH and 5 LPT`, rounded as everywhere in the view; `nothing`; or that it is not known. */
export function owedText(found: Finding | undefined): string {
  if (!found?.ok) return 'not verified';
  const parts = Object.entries(found.owed)
    .filter(([, amount]) => amount > 0n)
    .map(([asset, amount]) => {
      if (asset === 'ETH') return showEth(amount);
      return asset === 'LPT' ? showLpt(amount) : `${amount} ${asset}`;
    });
  return parts.length === 0 ? 'nothing' : parts.join(' and ');
}
