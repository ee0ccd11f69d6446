import { textWidth, VIEW_COLUMNS } from '../../base/terminal.ts';

/** Pixels of a monospaced character at the font size, as fonts of systems have it within 2 %. */
const FONT_SIZE = 13;
const COLUMN_WIDTH = 7.8;
const LINE_HEIGHT = 20;
const MARGIN = 20;

/** SGR codes that views use, and the style that stands for each. */
const STYLES: Readonly<Record<string, string>> = {
  '1': 'strong',
  '2': 'muted',
  '31': 'wrong',
  '32': 'paid',
  '33': 'attention',
  '36': 'water',
};

/** The tokens of our look: light, and dark where the reader's system is. */
const STYLE_SHEET = `
  text { font: ${FONT_SIZE}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #10222b; white-space: pre }
  .paper { fill: #fbfaf7; stroke: #dfe3df }
  .strong { font-weight: 600 } .muted { fill: #5a6b70 } .water { fill: #0f6f68 }
  .paid { fill: #1a7a3e } .attention { fill: #a65a00 } .wrong { fill: #b3261e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e8eeec } .paper { fill: #0d1416; stroke: #243033 }
    .muted { fill: #93a3a5 } .water { fill: #5fd3c4 }
    .paid { fill: #6fd08c } .attention { fill: #f0b35e } .wrong { fill: #ff8a80 }
  }`;

/** Draws lines of a terminal, with the colours that {@link createPaint} gives them, as an SVG. */
export function terminalSvg(lines: readonly string[], title: string): string {
  const columns = Math.max(VIEW_COLUMNS, ...lines.map(textWidth));
  const width = Math.ceil(columns * COLUMN_WIDTH + 2 * MARGIN);
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN - (LINE_HEIGHT - FONT_SIZE);
  const texts = lines.flatMap((line, index) => {
    const y = MARGIN + FONT_SIZE - 2 + index * LINE_HEIGHT;
    return runsOf(line).map(({ text, style, column }) => {
      const x = (MARGIN + column * COLUMN_WIDTH).toFixed(1);
      const length = (textWidth(text) * COLUMN_WIDTH).toFixed(1);
      const className = style ? ` class="${style}"` : '';
      // Each run has its place and length, so columns stay columns in every font.
      return `<text x="${x}" y="${y}" textLength="${length}"${className}>${escaped(text)}</text>`;
    });
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE_SHEET}
</style>
<rect class="paper" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="4"/>
${texts.join('\n')}
</svg>
`;
}

interface Run {
  readonly text: string;
  readonly style: string | undefined;
  readonly column: number;
}

/** Splits a line at its colour codes and at runs of spaces, which need no drawing. */
function runsOf(line: string): readonly Run[] {
  const runs: Run[] = [];
  let style: string | undefined;
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes start with escape
  for (const part of line.split(/(\u001b\[\d*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const code = /^\u001b\[(\d*)m$/.exec(part);
    if (code) {
      style = STYLES[code[1] ?? ''];
      continue;
    }
    for (const piece of part.split(/( {2,})/)) {
      if (piece.trim() !== '') runs.push({ text: piece, style, column });
      column += textWidth(piece);
    }
  }
  return runs;
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
