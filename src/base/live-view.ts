import { clip, type Io, VIEW_COLUMNS } from './terminal.ts';

/** A few lines at the bottom of the terminal that are redrawn in place. */
export interface LiveView {
  /** Replaces the lines. Not a terminal: prints `plain` (or the first line) as one line. */
  show(lines: readonly string[], plain?: string): void;
  /** Prints a line that stays, above the live ones. */
  keep(line: string): void;
  /** Leaves the last lines on screen and gives the cursor back. Closing twice is harmless. */
  close(): void;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[0J';

/** A live view on standard output. Callers decide how often to show; several times a second is fine. */
export function createLiveView(io: Io): LiveView {
  const width = Math.min(io.columns, VIEW_COLUMNS);
  let drawn: readonly string[] = [];
  let cursorHidden = false;
  let closed = false;
  let lastPlain = '';

  const rewind = () => (drawn.length === 0 ? '' : `\r\u001b[${drawn.length}A${CLEAR_BELOW}`);
  const joined = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

  return {
    show(lines, plain = lines[0] ?? '') {
      if (closed) return;
      if (!io.isTty) {
        if (plain !== lastPlain) io.stdout.write(`${plain}\n`);
        lastPlain = plain;
        return;
      }
      const fitted = lines.map((line) => clip(line, width));
      io.stdout.write(`${cursorHidden ? '' : HIDE_CURSOR}${rewind()}${joined(fitted)}`);
      cursorHidden = true;
      drawn = fitted;
    },
    keep(line) {
      io.stdout.write(io.isTty ? `${rewind()}${line}\n${joined(drawn)}` : `${line}\n`);
    },
    close() {
      if (closed) return;
      closed = true;
      if (cursorHidden) io.stdout.write(SHOW_CURSOR);
    },
  };
}
