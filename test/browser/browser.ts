import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import chromium from '@sparticuz/chromium';
import {
  type Browser,
  type BrowserContext,
  type Page,
  chromium as playwright,
} from 'playwright-core';
import type { Cleanup } from '../start-pool.ts';

/** Where pictures for the README go: only when TRIBUTARY_PICTURES is set, so that no other run changes them. */
const PICTURES = join(import.meta.dirname, '../../docs/pictures');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** `npm ci` empties it, so that a new version is unpacked anew. */
const UNPACKED = join(import.meta.dirname, '../../node_modules/.cache/tributary/chromium');

/** The widths at which every page is looked at: a phone, a tablet, a desk. */
export const widths = [390, 820, 1440] as const;

/**
 * What the package asks for that we do not: in one process the browser ends with its first tab, and
 * the rules of the web are what is tested here.
 */
const UNWANTED: ReadonlySet<string> = new Set([
  '--single-process',
  '--disable-web-security',
  '--allow-running-insecure-content',
]);

/** Starts Chromium for a test or a file of them; one at a time is enough for two cores. */
export async function startBrowser(t: Cleanup): Promise<Browser> {
  const browser = await playwright.launch({
    executablePath: await unpackedBrowser(),
    args: chromium.args.filter((arg) => !UNWANTED.has(arg)),
    headless: true,
  });
  t.after(() => browser.close());
  return browser;
}

/**
 * The package unpacks itself into the folder for temporary files, where another test file would start
 * it before it is whole. It does so in a folder of its own here, which gets its name when it is done.
 */
async function unpackedBrowser(): Promise<string> {
  if (!existsSync(UNPACKED)) {
    await mkdir(dirname(UNPACKED), { recursive: true });
    const part = await mkdtemp(`${UNPACKED}-`);
    const script = `import c from '@sparticuz/chromium'; await c.executablePath();`;
    await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: import.meta.dirname,
      env: { ...process.env, TMPDIR: part },
    });
    await rename(part, UNPACKED).catch(async (error: NodeJS.ErrnoException) => {
      // Another test file was quicker.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      await rm(part, { recursive: true });
    });
  }
  return join(UNPACKED, 'chromium');
}

/** What a tab does besides showing a page. */
export interface WatchedTab {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console and of scripts; a policy that refuses something is one. */
  readonly errors: string[];
  /** Requests to anybody but the pool. */
  readonly strangers: string[];
  /** Bytes that came over the line since the last {@link WatchedTab.forget}, headers included. */
  bytes(): number;
  forget(): void;
}

/** A tab of its own, at the address of a pool, that notes whatever it should not do. */
export async function openTab(
  browser: Browser,
  origin: string,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<WatchedTab> {
  const context = await browser.newContext({ baseURL: origin, ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  const strangers: string[] = [];
  let bytes = 0;
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(origin).origin) strangers.push(request.url());
  });
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  return {
    page,
    context,
    errors,
    strangers,
    bytes: () => bytes,
    forget() {
      bytes = 0;
    },
  };
}

/** What axe finds on a page, in words; nothing, when people with other senses can use it. */
export async function checkAxe(page: Page): Promise<readonly string[]> {
  // By the debugger, not by the page: its policy allows no script but its own.
  if (!(await page.evaluate('typeof axe !== "undefined"'))) {
    await page.evaluate(await readFile(AXE, 'utf8'));
  }
  const found = (await page.evaluate('axe.run()')) as {
    readonly violations: readonly {
      readonly id: string;
      readonly help: string;
      readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
    }[];
  };
  return found.violations.map(({ id, help, nodes }) => {
    const places = nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`);
    return `${id}: ${help}\n  ${places.join('\n  ')}`;
  });
}

/** What every page keeps at every width: nothing to move sideways, no tiny text, open to everybody. */
export async function checkPage(page: Page, name: string): Promise<void> {
  const isTooWide = await page.evaluate('document.documentElement.scrollWidth > innerWidth');
  assert.equal(isTooWide, false, `${name} is too wide`);
  assert.ok((await smallestText(page)) >= TEXT_PX_MIN, `${name} has tiny text`);
  assert.deepEqual(await checkAxe(page), [], name);
}
/** The smallest of the four sizes that there are. */
const TEXT_PX_MIN = 13;

/** The smallest text in sight, of drawings, too, in pixels of the page to a tenth. */
async function smallestText(page: Page): Promise<number> {
  const size = await page.evaluate(`(() => {
    const sizes = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const parent = texts.currentNode.parentElement;
      if (!texts.currentNode.data.trim() || !parent.checkVisibility()) continue;
      const drawn = parent.closest('svg text')?.getScreenCTM()?.a ?? 1;
      sizes.push(parseFloat(getComputedStyle(parent).fontSize) * drawn);
    }
    return Math.min(...sizes);
  })()`);
  return Math.round((size as number) * 10) / 10;
}

/** Keeps a picture of what is in sight under docs/pictures/, when the run is one that makes them. */
export async function picture(page: Page, name: string): Promise<void> {
  if (!process.env.TRIBUTARY_PICTURES) return;
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
