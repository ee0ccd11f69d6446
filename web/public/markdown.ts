// The few forms that our documents use, read into a tree; what is none of them is text. There is no raw
// HTML: a `<` is shown as it is.

/** A piece of a line. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'strong' | 'em'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly href: string; readonly children: readonly Inline[] };

/** A block of a document. */
export type Block =
  | {
      readonly kind: 'heading';
      readonly level: number;
      readonly id: string;
      readonly children: readonly Inline[];
    }
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | {
      readonly kind: 'list';
      readonly ordered: boolean;
      readonly items: readonly (readonly Block[])[];
    }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | {
      readonly kind: 'table';
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    }
  | { readonly kind: 'rule' };

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const FENCE = /^(`{3,}|~{3,})/;
const ITEM = /^(\s*)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;
const RULE = /^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/;

/** Reads a document. */
export function readMarkdown(source: string): readonly Block[] {
  const withoutComments = source.replaceAll(/^<!--[\s\S]*?-->\n?/gm, '');
  return blocksOf(withoutComments.split('\n'));
}

function blocksOf(lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] as string;
    if (line.trim() === '') {
      at += 1;
      continue;
    }
    const [block, next] = blockAt(lines, at);
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function blockAt(lines: readonly string[], at: number): readonly [Block, number] {
  const line = lines[at] as string;
  const fence = FENCE.exec(line.trim());
  if (fence) return codeAt(lines, at, fence[1] as string);
  const heading = HEADING.exec(line);
  if (heading) {
    const text = heading[2] as string;
    const level = (heading[1] as string).length;
    return [{ kind: 'heading', level, id: idOf(text), children: inlinesOf(text) }, at + 1];
  }
  if (RULE.test(line)) return [{ kind: 'rule' }, at + 1];
  if (line.includes('|') && TABLE_RULE.test(lines[at + 1] ?? '')) return tableAt(lines, at);
  if (ITEM.test(line)) return listAt(lines, at);
  if (line.startsWith('>')) return quoteAt(lines, at);
  return paragraphAt(lines, at);
}

function codeAt(lines: readonly string[], at: number, fence: string): readonly [Block, number] {
  const indent = (lines[at] as string).search(/\S/);
  let end = at + 1;
  while (end < lines.length && !(lines[end] as string).trim().startsWith(fence)) end += 1;
  const text = lines
    .slice(at + 1, end)
    .map((line) => line.slice(Math.min(indent, Math.max(0, line.search(/\S|$/)))))
    .join('\n');
  return [{ kind: 'code', text }, end + 1];
}

function tableAt(lines: readonly string[], at: number): readonly [Block, number] {
  let end = at + 2;
  while (end < lines.length && (lines[end] as string).includes('|')) end += 1;
  const rows = lines.slice(at + 2, end).map(cellsOf);
  return [{ kind: 'table', head: cellsOf(lines[at] as string), rows }, end];
}

function cellsOf(line: string): readonly (readonly Inline[])[] {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return inner.split(/(?<!\\)\|/).map((cell) => inlinesOf(cell.trim().replaceAll('\\|', '|')));
}

function listAt(lines: readonly string[], at: number): readonly [Block, number] {
  const first = ITEM.exec(lines[at] as string) as RegExpExecArray;
  const indent = (first[1] as string).length;
  const items: string[][] = [];
  let end = at;
  for (; end < lines.length; end += 1) {
    const line = lines[end] as string;
    const item = ITEM.exec(line);
    if (item && (item[1] as string).length === indent) {
      items.push([item[3] as string]);
      continue;
    }
    const depth = line.search(/\S/);
    const current = items.at(-1) as string[];
    if (line.trim() === '') {
      const after = lines[end + 1] ?? '';
      if (after.search(/\S/) <= indent && !ITEM.test(after)) break;
      current.push('');
    } else if (depth > indent || !startsBlock(line))
      current.push(line.slice(Math.min(depth, indent + 2)));
    else break;
  }
  const ordered = first[2] !== undefined;
  return [{ kind: 'list', ordered, items: items.map(blocksOf) }, end];
}

function quoteAt(lines: readonly string[], at: number): readonly [Block, number] {
  let end = at;
  while (end < lines.length && (lines[end] as string).startsWith('>')) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^>\s?/, ''));
  return [{ kind: 'quote', blocks: blocksOf(inner) }, end];
}

function paragraphAt(lines: readonly string[], at: number): readonly [Block, number] {
  let end = at + 1;
  while (
    end < lines.length &&
    (lines[end] as string).trim() !== '' &&
    !startsBlock(lines[end] as string)
  ) {
    end += 1;
  }
  const text = lines
    .slice(at, end)
    .map((line) => line.trim())
    .join(' ');
  return [{ kind: 'paragraph', children: inlinesOf(text) }, end];
}

function startsBlock(line: string): boolean {
  return HEADING.test(line) || FENCE.test(line.trim()) || ITEM.test(line) || line.startsWith('>');
}

const INLINE =
  /(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^*\s][^*]*?)\*|!?\[([^\]]*)\]\(([^)\s]+)\)|<(https?:\/\/[^>\s]+)>/;

/** Reads a line: code first, so that nothing within it means anything. */
export function inlinesOf(text: string): readonly Inline[] {
  const found: Inline[] = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    if (match.index > 0) found.push({ kind: 'text', text: rest.slice(0, match.index) });
    const [whole, , code, strong, em, label, href, url] = match;
    if (code !== undefined) found.push({ kind: 'code', text: code.trim() });
    else if (strong !== undefined) found.push({ kind: 'strong', children: inlinesOf(strong) });
    else if (em !== undefined) found.push({ kind: 'em', children: inlinesOf(em) });
    else if (url !== undefined)
      found.push({ kind: 'link', href: url, children: [{ kind: 'text', text: url }] });
    // Pictures are for who reads it in the repository: here the page itself is a click away.
    else if (!whole.startsWith('!'))
      found.push({ kind: 'link', href: href as string, children: inlinesOf(label as string) });
    rest = rest.slice(match.index + whole.length);
  }
  if (rest !== '') found.push({ kind: 'text', text: rest });
  return found;
}

/** As GitHub names headings, so that links work in both places. */
export function idOf(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');
}

/** The words of a line, without what they look like. */
export function plainText(inlines: readonly Inline[]): string {
  return inlines.map((one) => ('text' in one ? one.text : plainText(one.children))).join('');
}
