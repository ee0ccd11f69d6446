import { Fragment } from 'preact';
import type { Page } from '../page.ts';
import { createKept } from '../parts/kept.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { publicFrame } from './frame.ts';
import { type Block, type Inline, plainText, readMarkdown } from './markdown.ts';
import { loadPool } from './pool.ts';

/** Every document of the repository, put in when the pages are built. */
const SOURCES = import.meta.glob('../../docs/**/*.md', {
  query: '?raw',
  import: 'default',
  eager: true,
}) as Readonly<Record<string, string>>;

/** By the path below `/docs/`, without ending: `guides/join-with-a-gpu`. */
const documents = new Map(
  Object.entries(SOURCES).map(([path, source]) => [
    path.replace('../../docs/', '').replace(/\.md$/, ''),
    source,
  ]),
);

/** `/docs`: where do I find what I look for? */
export const docsPage: Page = {
  path: '/docs',
  async show({ reader }) {
    const loaded = await loadPool(reader);
    return {
      frame: publicFrame(loaded, {
        title: 'Documentation',
        description: 'Guides, explanations and reference of the program that runs this pool.',
        current: '/docs',
      }),
      content: (
        <>
          <Doc source={documents.get('README') ?? ''} path="README" />
        </>
      ),
    };
  },
};

/** `/docs/…`: one document. */
export const docPage: Page = {
  path: '/docs/{...path}',
  async show({ reader, params }) {
    const path = params.path ?? '';
    const bare = path.replace(/\.md$/, '');
    if (bare !== path && documents.has(bare)) return { location: `/docs/${bare}` };
    const source = documents.get(path);
    if (source === undefined) return undefined;
    const loaded = await loadPool(reader);
    const title = titleOf(path, source);
    return {
      frame: publicFrame(loaded, { title, description: title, current: '/docs' }),
      content: (
        <>
          <p class="crumbs">
            <a href="/docs">Documentation</a>
          </p>
          <Doc source={source} path={path} />
        </>
      ),
    };
  },
};

const kept = createKept('doc');
function Doc({ source, path }: { readonly source: string; readonly path: string }) {
  return kept(path, () => <Blocks blocks={readMarkdown(source)} path={path} />);
}

const titles = new Map<string, string>();
function titleOf(path: string, source: string): string {
  const known = titles.get(path);
  if (known !== undefined) return known;
  const [first] = readMarkdown(source);
  const title = first?.kind === 'heading' ? plainText(first.children) : path;
  titles.set(path, title);
  return title;
}

function Blocks({ blocks, path }: { readonly blocks: readonly Block[]; readonly path: string }) {
  return (
    <>
      {blocks.map((block, at) => (
        <OneBlock key={at} block={block} path={path} />
      ))}
    </>
  );
}

function OneBlock({ block, path }: { readonly block: Block; readonly path: string }) {
  const inlines = (of: readonly Inline[]) => <Inlines of={of} path={path} />;
  switch (block.kind) {
    case 'heading': {
      const Heading = `h${Math.min(block.level, 4)}` as 'h2';
      return <Heading id={block.id}>{inlines(block.children)}</Heading>;
    }
    case 'paragraph':
      return block.children.length > 0 ? <p>{inlines(block.children)}</p> : null;
    case 'code':
      return (
        <Scroll label="Code">
          <pre>
            <code>{block.text}</code>
          </pre>
        </Scroll>
      );
    case 'quote':
      return (
        <blockquote>
          <Blocks blocks={block.blocks} path={path} />
        </blockquote>
      );
    case 'rule':
      return <hr />;
    case 'list': {
      const List = block.ordered ? 'ol' : 'ul';
      return (
        <List>
          {block.items.map((item, at) => (
            <li key={at}>
              <Item blocks={item} path={path} />
            </li>
          ))}
        </List>
      );
    }
    case 'table':
      return (
        <Scroll label="Table">
          <table>
            <thead>
              <tr>
                {block.head.map((cell, at) => (
                  <th key={at} scope="col">
                    {inlines(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, place) => (
                    <td key={place}>{inlines(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      );
  }
}

/** A single paragraph stands in its item without a frame of its own. */
function Item({ blocks, path }: { readonly blocks: readonly Block[]; readonly path: string }) {
  const [first, ...rest] = blocks;
  if (first?.kind !== 'paragraph') return <Blocks blocks={blocks} path={path} />;
  return (
    <>
      <Inlines of={first.children} path={path} />
      <Blocks blocks={rest} path={path} />
    </>
  );
}

function Inlines({ of, path }: { readonly of: readonly Inline[]; readonly path: string }) {
  return (
    <>
      {of.map((one, at) => (
        <Fragment key={at}>{inlineOf(one, path)}</Fragment>
      ))}
    </>
  );
}

function inlineOf(one: Inline, path: string) {
  switch (one.kind) {
    case 'text':
      return one.text;
    case 'code':
      return <code>{one.text}</code>;
    case 'strong':
      return (
        <strong>
          <Inlines of={one.children} path={path} />
        </strong>
      );
    case 'em':
      return (
        <em>
          <Inlines of={one.children} path={path} />
        </em>
      );
    case 'link': {
      const href = hrefOf(one.href, path);
      const inner = <Inlines of={one.children} path={path} />;
      return href === undefined ? inner : <a href={href}>{inner}</a>;
    }
  }
}

/**
 * Where a link of a document leads when the pool serves it; undefined for what is in the repository
 * alone, which is then shown without a link.
 */
function hrefOf(href: string, from: string): string | undefined {
  if (/^https?:\/\//.test(href) || href.startsWith('#')) return href;
  const [target = '', hash] = href.split('#');
  const folder = from.split('/').slice(0, -1);
  const parts: string[] = [...folder];
  for (const part of target.split('/')) {
    if (part === '..') {
      if (parts.length === 0) return undefined;
      parts.pop();
    } else if (part !== '.' && part !== '') parts.push(part);
  }
  const path = parts.join('/').replace(/\.md$/, '');
  if (path === 'README' || path === '') return '/docs';
  if (!documents.has(path)) return undefined;
  return `/docs/${path}${hash === undefined ? '' : `#${hash}`}`;
}
