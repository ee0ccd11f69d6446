import { exactKnown } from '../../base/amounts.ts';
import type { Paint } from '../../base/terminal.ts';
import type { CheckedEpoch, Verdict } from '../../epochs/verify-types.ts';

type Amounts = CheckedEpoch['owed'];

/** What held, epoch by epoch; then `OK: owed …, paid …`, or the first thing that is wrong. */
export function verdictView(verdict: Verdict, paint: Paint): string {
  const lines = verdict.epochs.map(epochLine);
  if (verdict.ok) {
    lines.push(...verdict.notes.map((note) => paint('muted', note)));
    lines.push(paint('paid', `OK: owed ${show(verdict.owed)}, paid ${show(verdict.paid)}`));
  } else {
    const where = verdict.epoch === undefined ? '' : `epoch ${verdict.epoch}: `;
    lines.push(paint('wrong', `WRONG: ${where}${verdict.text}.`));
  }
  return lines.join('\n');
}

function epochLine({
  epoch,
  units,
  receipts,
  owed,
  paid,
  recomputed,
  closesAt,
}: CheckedEpoch): string {
  const day = new Date(closesAt).toISOString().slice(0, 16).replace('T', ' ');
  const work = receipts === undefined ? `${units} units` : `${receipts} receipts, ${units} units`;
  const how = recomputed ? 'recomputed' : 'in the published root';
  return `epoch ${epoch} (to ${day}): ${work}, owed ${show(owed)} ${how}, paid ${show(paid)}`;
}

/** The same for programs: amounts in base units as text. */
export function verdictJson(verdict: Verdict): string {
  return JSON.stringify(verdict, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
}

function show(amounts: Amounts): string {
  const parts = Object.entries(amounts)
    .filter(([, amount]) => amount !== 0n)
    .map(([asset, amount]) => exactKnown(amount, asset));
  return parts.length === 0 ? 'nothing' : parts.join(' and ');
}
