import { stripVTControlCharacters } from 'node:util';

/** Where a program writes text. */
export interface Output {
  write(text: string): void;
}

/** What a program may know of the terminal and shell it runs in. Nothing else reads `process.env`. */
export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output is a terminal that can be redrawn in place. */
  readonly isTty: boolean;
  /** Width of the terminal in columns; 80 when it is not a terminal. */
  readonly columns: number;
}

/** Exit codes of the commands. */
export const exitCode = { ok: 0, failed: 1, usage: 2, internal: 70 } as const;

/** Width of every view of ours, so that it can be pasted anywhere. */
export const VIEW_COLUMNS = 80;

/** Words of state have a colour besides; the word always stands there as well. */
export type Tone = 'plain' | 'muted' | 'strong' | 'water' | 'paid' | 'attention' | 'wrong';

const SGR: Readonly<Record<Tone, string>> = {
  plain: '',
  muted: '\u001b[2m',
  strong: '\u001b[1m',
  water: '\u001b[36m',
  paid: '\u001b[32m',
  attention: '\u001b[33m',
  wrong: '\u001b[31m',
};
const RESET = '\u001b[0m';

/** Colours text, or returns it as it is. */
export type Paint = (tone: Tone, text: string) => string;

/** Colours only on a terminal, and not where `NO_COLOR` is set or the terminal is `dumb`. */
export function createPaint(io: Pick<Io, 'env' | 'isTty'>): Paint {
  const plain = !io.isTty || (io.env.NO_COLOR ?? '') !== '' || io.env.TERM === 'dumb';
  return (tone, text) => (plain || tone === 'plain' ? text : `${SGR[tone]}${text}${RESET}`);
}

/** A column of {@link table}. */
export interface Column {
  readonly title: string;
  /** Figures stand to the right. Default: left. */
  readonly align?: 'left' | 'right';
}

/** Lines of a table: titles, then rows, two spaces between columns; the widest text column gives way. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly width?: number; readonly paint?: Paint } = {},
): string[] {
  const paint = options.paint ?? ((_tone, text) => text);
  const widths = columns.map(({ title }, index) =>
    Math.max(textWidth(title), ...rows.map((row) => textWidth(row[index] ?? ''))),
  );
  shrinkToFit(widths, columns, options.width ?? VIEW_COLUMNS);
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => pad(cells[index] ?? '', widths[index] as number, align ?? 'left'))
      .join('  ')
      .trimEnd();
  const titles = line(columns.map(({ title }) => title));
  return [paint('muted', titles), ...rows.map(line)];
}

function shrinkToFit(widths: number[], columns: readonly Column[], width: number): void {
  const gaps = 2 * (widths.length - 1);
  for (;;) {
    const excess = widths.reduce((sum, column) => sum + column, gaps) - width;
    if (excess <= 0) return;
    const flexible = widths.map((w, index) => (columns[index]?.align === 'right' ? 0 : w));
    const widest = flexible.indexOf(Math.max(...flexible));
    const current = widths[widest] as number;
    if (current <= COLUMN_WIDTH_MIN) return;
    widths[widest] = Math.max(COLUMN_WIDTH_MIN, current - excess);
  }
}
/** Shorter names say nothing; the line gets too long instead. */
const COLUMN_WIDTH_MIN = 8;

/** Pads with spaces, or cuts with an ellipsis, to exactly `width` columns. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const fitted = clip(text, width);
  const space = ' '.repeat(Math.max(0, width - textWidth(fitted)));
  return align === 'right' ? space + fitted : fitted + space;
}

/** Cuts text to at most `width` columns; what was cut is marked with `…`. Colours get lost if cut. */
export function clip(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const characters = [...stripVTControlCharacters(text)];
  return `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Breaks text at spaces into lines of at most `width` columns; `indent` stands before all but the first. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lead = /^ */.exec(text)?.[0] ?? '';
  const [first = '', ...words] = text.slice(lead.length).split(' ');
  const lines: string[] = [];
  let line = lead + first;
  for (const word of words) {
    if (textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line);
      line = indent + word;
    } else line = `${line} ${word}`;
  }
  return [...lines, line];
}

/** Columns that text takes, one for each character; colours take none. */
export function textWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Removes what could steer the terminal, for text that came from elsewhere. */
export function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are taken out
  return stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
