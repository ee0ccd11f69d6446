import { harmless, type Paint, table, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';

/** Wider than a terminal, since whoever resets a price has to copy the whole address. */
const TABLE_COLUMNS = 160;

/** A price as the admin API shows it. */
export interface PriceView {
  readonly gateway?: string | undefined;
  readonly pipeline?: string | undefined;
  readonly model?: string | undefined;
  readonly price: string;
  readonly weiPerUnit: string;
  /** ISO 8601; absent: the settings say it. */
  readonly setAt?: string | undefined;
  /** What the settings say, or said before it was set. */
  readonly settings?: string | undefined;
}

/** A sentence, if there is one, and what is asked of whom for what. */
export function pricesView(
  prices: readonly PriceView[],
  paint: Paint,
  said: string | undefined,
): string {
  const rows = prices.map(({ gateway, pipeline, model, price, setAt, settings }) => [
    gateway === undefined ? 'every gateway' : harmless(gateway),
    pipeline === undefined ? 'video' : harmless(`${pipeline} ${model ?? ''}`.trim()),
    harmless(price),
    originOf(setAt, settings),
  ]);
  const columns = [{ title: 'for' }, { title: 'work' }, { title: 'price' }, { title: 'from' }];
  const lines = said === undefined ? [] : [...wrap(said, VIEW_COLUMNS), ''];
  return [...lines, ...table(columns, rows, { paint, width: TABLE_COLUMNS })].join('\n');
}

function originOf(setAt: string | undefined, settings: string | undefined): string {
  if (setAt === undefined) return 'settings';
  const day = harmless(setAt.slice(0, 16).replace('T', ' '));
  const before = settings === undefined ? '' : `; settings: ${harmless(settings)}`;
  return `set ${day}${before}`;
}
