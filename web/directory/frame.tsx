import type { DirectoryView } from '../../src/api/directory-views.ts';
import type { Frame } from '../parts/layout.tsx';
import type { Reader } from '../public/reader.ts';

/** What the directory says of itself. */
export async function loadDirectory(reader: Reader): Promise<DirectoryView> {
  const view = await reader.json<DirectoryView>('/api/v1/directory');
  if (!view) throw new Error('the directory does not say what it is');
  return view;
}

/** The frame of a page of a directory. */
export function directoryFrame(
  { name }: Pick<DirectoryView, 'name'>,
  page: { readonly title: string; readonly description: string; readonly current?: string },
): Frame {
  return {
    ...page,
    poolName: name,
    density: 'airy',
    links: [
      { href: '/', label: 'Pools' },
      { href: '/compare', label: 'Compare' },
      { href: '/about', label: 'How it is measured' },
    ],
    foot: (
      <>
        <span>
          What a pool says, it has signed; what is measured was measured by this directory.
        </span>
        <a href="/api/v1/pools">As JSON</a>
        <a href="/api/v1/pools?format=csv&rows=all">As CSV</a>
      </>
    ),
  };
}
