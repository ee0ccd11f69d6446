import type { ComponentChildren } from 'preact';
import type { PageAssets } from '../../src/api/page-types.ts';
import { Mark } from './mark.tsx';

/** A place that the rail links to. */
export interface RailLink {
  readonly href: string;
  readonly label: string;
}

/** What every page says of itself to the frame around it. */
export interface Frame {
  /** Of the tab: what the page answers, before the name of the pool. */
  readonly title: string;
  /** One sentence for whoever finds or shares the link. */
  readonly description: string;
  readonly poolName: string;
  readonly links: readonly RailLink[];
  /** The link of the rail that this page belongs to. */
  readonly current?: string | undefined;
  /** How close things stand: public airy, worker medium, operator dense. */
  readonly density: 'airy' | 'medium' | 'dense';
  /** What stands at the foot; that of a pool when left out. */
  readonly foot?: ComponentChildren;
}

/**
 * The whole document: head, skip link, rail, content, foot. On a phone the rail is a header; from
 * 1,100 px on it stands beside. No inline script or style: the policy refuses them.
 */
export function Document({
  frame,
  assets,
  theme,
  children,
}: {
  readonly frame: Frame;
  readonly assets: PageAssets;
  readonly theme: 'light' | 'dark' | undefined;
  readonly children: ComponentChildren;
}) {
  const { title, description, poolName, links, current, density } = frame;
  return (
    <html lang="en" data-theme={theme} data-density={density}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title === poolName ? title : `${title} · ${poolName}`}</title>
        <meta name="description" content={description} />
        <meta name="color-scheme" content={theme ?? 'light dark'} />
        <link rel="icon" href={assets.icon} type="image/svg+xml" />
        {assets.styles.map((href) => (
          <link key={href} rel="stylesheet" href={href} />
        ))}
        {assets.script && <script type="module" src={assets.script} />}
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <div class="frame">
          <header class="rail">
            <a class="name" href="/">
              <Mark size={22} />
              <span>{poolName}</span>
            </a>
            {links.length > 0 && (
              <nav aria-label="Pages">
                <ul>
                  {links.map(({ href, label }) => (
                    <li key={href}>
                      <a href={href} aria-current={href === current ? 'page' : undefined}>
                        {label}
                      </a>
                    </li>
                  ))}
                </ul>
              </nav>
            )}
          </header>
          <main id="content">{children}</main>
          <footer class="foot">
            {frame.foot ?? <PoolFoot />}
            <ThemeSwitch />
          </footer>
        </div>
      </body>
    </html>
  );
}

function PoolFoot() {
  return (
    <>
      <span>Served by the pool itself; nothing on this page comes from anybody else.</span>
      <a href="/docs">Documentation</a>
      <a href="/docs/api">API</a>
      <a href="/proofs">Check it yourself</a>
    </>
  );
}

/** Hidden until the script is there: without it the page follows the system. */
function ThemeSwitch() {
  return (
    <label class="theme" data-theme-switch data-needs-script hidden>
      Colours
      <select>
        <option value="system">as the system</option>
        <option value="light">light</option>
        <option value="dark">dark</option>
      </select>
    </label>
  );
}
