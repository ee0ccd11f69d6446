import type { AssetId } from '../base/asset.ts';
import type { StoredBatch, StoredPayout } from './store.ts';

/** A confirmation is of one run: some thousand lines. */
const LINES_MAX = 100_000;
const FIELD_CHARS_MAX = 140;
const HEADER = ['payout_id', 'name', 'account', 'amount', 'currency', 'reference'] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The file for a bank: one line a payout, columns that every bank's import can be mapped to. */
export function fiatFile(
  batches: readonly StoredBatch[],
  facts: {
    readonly decimals: (asset: AssetId) => number;
    readonly name: (worker: string) => string;
    readonly pool: string;
  },
): string {
  const lines = batches.flatMap(({ payouts }) =>
    payouts.map(({ id, worker, fiatAccount, amount, asset }) => [
      id,
      facts.name(worker),
      fiatAccount ?? '',
      decimalText(amount, facts.decimals(asset)),
      asset,
      `${facts.pool} ${id.slice(0, 8)}`,
    ]),
  );
  return `${[HEADER as readonly string[], ...lines].map((line) => line.map(field).join(',')).join('\r\n')}\r\n`;
}

/** What a bank says of one payout. */
export interface Confirmation {
  readonly id: string;
  readonly status: 'paid' | 'refused' | 'returned';
  /** What the bank calls it. */
  readonly reference: string;
}

/** A line that cannot be used, by its number in the file. */
export interface LineFault {
  readonly line: number;
  readonly text: string;
}

/**
 * Reads a confirmation: `payout_id,status,reference` with an optional `amount`. All faults are named;
 * with one of them nothing is taken.
 */
export function readConfirmation(
  text: string,
  known: (id: string) => StoredPayout | undefined,
  decimals: (asset: AssetId) => number,
):
  | { readonly ok: true; readonly confirmations: readonly Confirmation[] }
  | { readonly ok: false; readonly faults: readonly LineFault[] } {
  const rows = readCsv(text);
  const faults: LineFault[] = [];
  const confirmations: Confirmation[] = [];
  const seen = new Map<string, number>();
  const [header = { line: 1, fields: [] }, ...rest] = rows;
  const columns = header.fields.map((name) => name.trim().toLowerCase());
  for (const needed of ['payout_id', 'status', 'reference']) {
    if (!columns.includes(needed)) faults.push({ line: 1, text: `There is no column ${needed}.` });
  }
  if (rest.length === 0) faults.push({ line: 1, text: 'There is no line behind the header.' });
  if (rest.length > LINES_MAX) faults.push({ line: LINES_MAX, text: 'The file is too long.' });
  if (faults.length > 0) return { ok: false, faults };

  for (const { line, fields } of rest) {
    const at = (name: string) => fields[columns.indexOf(name)]?.trim() ?? '';
    const fault = (reason: string) => faults.push({ line, text: reason });
    if (fields.length !== columns.length) {
      fault(`${fields.length} fields stand here, the header has ${columns.length}.`);
      continue;
    }
    const id = at('payout_id').toLowerCase();
    const status = at('status').toLowerCase();
    const payout = UUID.test(id) ? known(id) : undefined;
    const before = seen.get(id);
    seen.set(id, line);
    if (before !== undefined) fault(`The payout stands in line ${before} already.`);
    else if (!payout) fault('There is no payout of this id in a file of this pool.');
    else if (status !== 'paid' && status !== 'refused' && status !== 'returned') {
      fault('The status is none of paid, refused, returned.');
    } else {
      const wrong = complaint(payout, status, {
        amount: at('amount'),
        reference: at('reference'),
        decimals: decimals(payout.asset),
      });
      if (wrong) fault(wrong);
      else confirmations.push({ id, status, reference: at('reference') });
    }
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, confirmations };
}

function complaint(
  { state, amount }: StoredPayout,
  status: Confirmation['status'],
  said: { readonly amount: string; readonly reference: string; readonly decimals: number },
): string | undefined {
  if (said.reference === '' || said.reference.length > FIELD_CHARS_MAX) {
    return `The reference needs 1 to ${FIELD_CHARS_MAX} characters.`;
  }
  if (/[^ -~]/.test(said.reference)) return 'The reference has characters that cannot be kept.';
  if (said.amount !== '' && said.amount !== decimalText(amount, said.decimals)) {
    return `The amount is ${said.amount}; the payout is of ${decimalText(amount, said.decimals)}.`;
  }
  const wanted = status === 'returned' ? 'final' : 'broadcast';
  if (state.state !== wanted) return `The payout is ${state.state}, so it cannot be ${status}.`;
  return undefined;
}

/** A decimal number with all its digits: `12.50`. */
export function decimalText(amount: bigint, decimals: number): string {
  if (decimals === 0) return String(amount);
  const digits = String(amount).padStart(decimals + 1, '0');
  return `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** Quoted where needed; a field that a spreadsheet would run as a formula gets an apostrophe. */
function field(text: string): string {
  const safe = /^[=+@\t\r-]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Rows of RFC 4180 with the line that each begins at; empty lines are none. */
export function readCsv(text: string): { readonly line: number; readonly fields: string[] }[] {
  const rows: { line: number; fields: string[] }[] = [];
  let fields: string[] = [];
  let value = '';
  let quoted = false;
  let line = 1;
  let began = 1;
  const endRow = () => {
    fields.push(value);
    if (fields.length > 1 || value !== '') rows.push({ line: began, fields });
    fields = [];
    value = '';
    began = line;
  };
  const source = text.startsWith('\ufeff') ? text.slice(1) : text;
  for (let at = 0; at < source.length; at++) {
    const letter = source[at] as string;
    if (letter === '\n') line++;
    if (quoted) {
      if (letter !== '"') value += letter;
      else if (source[at + 1] === '"') {
        value += '"';
        at++;
      } else quoted = false;
    } else if (letter === '"' && value === '') quoted = true;
    else if (letter === ',') {
      fields.push(value);
      value = '';
    } else if (letter === '\n') endRow();
    else if (letter !== '\r') value += letter;
  }
  if (value !== '' || fields.length > 0) endRow();
  return rows;
}
