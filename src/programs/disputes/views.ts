import { z } from 'zod';
import { exactAsset } from '../../base/amounts.ts';
import { harmless, type Paint, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';

/** Wider than a view: ids are to be copied whole. */
const LIST_COLUMNS = 120;

const sum = z.object({
  asset: z.string(),
  amount: z.string().regex(/^\d+$/),
  decimals: z.number(),
});
/** A dispute as the pool lists it. */
export const shortDispute = z.object({
  id: z.string(),
  worker: z.string(),
  about: z.string(),
  kind: z.string(),
  epoch: z.string(),
  state: z.string(),
  overdue: z.boolean(),
  openedAt: z.string(),
  deadline: z.string().nullable(),
  claimed: sum.nullable(),
  setAside: sum.nullable(),
  outcome: z.string().nullable(),
  award: sum.nullable(),
});
/** The same with all that was said in it. */
export const wholeDispute = shortDispute.extend({
  events: z.array(
    z.object({
      sequence: z.number(),
      at: z.string(),
      by: z.string(),
      event: z.string(),
      text: z.string(),
      evidence: z.array(z.string()),
      salt: z.string(),
    }),
  ),
});
/** A worker's own statement. */
export const ownLines = z.object({
  lines: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      asset: z.string(),
      amount: z.string(),
      evidence: z.string().optional(),
      text: z.string(),
    }),
  ),
});
type Short = z.infer<typeof shortDispute>;

const minute = (iso: string) => iso.slice(0, 16).replace('T', ' ');
const money = (sum: Short['claimed']) =>
  sum ? exactAsset(BigInt(sum.amount), sum.asset, sum.decimals) : '';

/** How it stands, in words. */
function standing({ state, overdue, outcome, deadline }: Short): string {
  if (state === 'decided') return outcome ?? state;
  if (deadline === null) return state;
  const what = state === 'open' ? 'to answer' : 'to decide';
  return overdue ? `the pool is late ${what}` : `${what} by ${minute(deadline)}`;
}

/** Disputes in lines, and how many are left out. */
export function listView(
  disputes: readonly Short[],
  { rest, nameOf }: { readonly rest: number; readonly nameOf: (worker: string) => string },
  paint: Paint,
): string {
  const more = rest === 0 ? [] : [`${rest} are over: --all shows them.`];
  if (disputes.length === 0) return ['No dispute waits for anybody.', ...more].join('\n');
  const rows = disputes.map((one) => [
    one.id,
    nameOf(one.worker),
    `${one.kind}, epoch ${one.epoch}`,
    standing(one),
    money(one.award ?? one.claimed),
  ]);
  const columns = [
    { title: 'dispute' },
    { title: 'worker' },
    { title: 'about' },
    { title: 'stands' },
    { title: 'amount', align: 'right' },
  ] as const;
  return [...table(columns, rows, { paint, width: LIST_COLUMNS }), ...more].join('\n');
}

/** Lines of a statement; amounts in base units, as disputes take them. */
export function linesView({ lines }: z.infer<typeof ownLines>, paint: Paint): string {
  if (lines.length === 0) return 'That epoch has no line of yours.';
  const rows = lines.map((one) => [one.id, one.kind, `${one.amount} ${one.asset}`, one.text]);
  const columns = [
    { title: 'line' },
    { title: 'kind' },
    { title: 'in base units', align: 'right' },
    { title: '' },
  ] as const;
  return table(columns, rows, { paint, width: LIST_COLUMNS }).join('\n');
}

/** One dispute with what was said in it. */
export function disputeView(
  dispute: z.infer<typeof wholeDispute>,
  nameOf: (worker: string) => string,
  paint: Paint,
): string {
  const { id, worker, about, kind, claimed, setAside, award } = dispute;
  const facts = [
    ['worker', nameOf(worker)],
    ['about', `${about} (${kind})`],
    ['stands', standing(dispute)],
    ['claimed', money(claimed)],
    ['set aside', money(setAside)],
    ['awarded', award ? `${money(award)}, paid with the next epoch that is settled` : ''],
  ].filter(([, value]) => value !== '');
  const said = dispute.events.flatMap(({ at, by, event, text, evidence }) => [
    '',
    paint('strong', `${minute(at)}  ${event} by the ${by}`),
    ...text.split('\n').flatMap((line) => wrap(`  ${harmless(line)}`, VIEW_COLUMNS, '  ')),
    ...evidence.map((one) => `  evidence: ${one}`),
  ]);
  return [
    paint('strong', `Dispute ${id}`),
    ...facts.map(([name = '', value = '']) => `  ${name.padEnd(10)}${value}`),
    ...said,
  ].join('\n');
}
