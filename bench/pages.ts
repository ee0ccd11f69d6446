import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { openTab, startBrowser } from '../test/browser/browser.ts';
import { startOwnWorker } from '../test/own-worker.ts';
import { startPoolProcess } from '../test/pool-process.ts';
import { type Line, quantile, report } from './report.ts';

/**
 * What the first page costs whoever opens it: bytes over the line, and time until it can be used, in a
 * real browser with nothing cached. The floor is the smallest document that the same pool sends, its
 * mark, in turns with the pages. And what a chart of 100,000 points takes a frame while it is panned
 * and zoomed, against frames in which nothing is drawn.
 */
const { values } = parseArgs({
  options: {
    turns: { type: 'string', default: '7' },
    points: { type: 'string', default: '100000' },
  },
});
const FRAMES = 200;
/** By the debugger, not by the page: its policy allows no text to be run. */
const AWAKE = `new Promise((done) => {
  const look = () => performance.getEntriesByName('awake').length > 0 ? done() : setTimeout(look, 5);
  look();
})`;

const cleanups: (() => unknown)[] = [];
const t = { after: (run: () => unknown) => void cleanups.push(run) };
try {
  const pool = await startPoolProcess(t);
  const { id, join: command } = await pool.enrol('heron');
  await (await startOwnWorker(t, command)).ready;
  await pool.admin('POST', '/api/v1/operators', { name: 'mira', role: 'owner' });
  const browser = await startBrowser(t);
  const html = await (await fetch(pool.publicUrl)).text();
  const mark = /href="(\/assets\/mark[^"]+\.svg)"/.exec(html)?.[1] ?? '/';
  const link = async (path: string) => (await pool.admin<{ url: string }>('POST', path)).url;
  const signed = {
    worker: await signIn(browser, await link(`/api/v1/workers/${id}/link`)),
    operator: await signIn(browser, await link('/api/v1/operators/mira/link')),
  };
  const floor: Opened[] = [];
  const sides = [
    { name: '/', url: `${pool.publicUrl}/`, state: undefined, all: [] as Opened[] },
    { name: '/worker', url: `${pool.publicUrl}/worker`, state: signed.worker, all: [] as Opened[] },
    {
      ...{ name: '/operator', url: `${pool.adminUrl}/operator` },
      ...{ state: signed.operator, all: [] as Opened[] },
    },
  ];
  for (let turn = 0; turn < Number(values.turns); turn += 1) {
    floor.push(await open(browser, pool.publicUrl + mark, undefined));
    for (const { url, state, all } of sides) all.push(await open(browser, url, state));
  }
  const of = (all: readonly Opened[], what: keyof Opened) =>
    quantile(
      all.map((one) => one[what]),
      0.5,
    );
  const lines = sides.flatMap(({ name, all }): Line[] => [
    {
      claim: `bytes of ${name} (KB)`,
      ours: of(all, 'bytes') / 1_000,
      other: { name: 'limit', value: 150 },
    },
    {
      claim: `${name} can be used after (ms)`,
      ours: of(all, 'usableMs'),
      other: { name: 'floor', value: of(floor, 'usableMs') },
    },
  ]);
  report([...lines, ...(await chartLines(browser, Number(values.points)))]);
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup();
}

/** One opening of a page. */
interface Opened {
  readonly bytes: number;
  /** From the address to parsed, and every part of it awake. */
  readonly usableMs: number;
}

type State = Awaited<ReturnType<typeof signIn>>;

async function signIn(browser: Browser, url: string) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.click('main button');
  await page.waitForURL((to) => !to.pathname.includes('sign-in'));
  const state = await context.storageState();
  await context.close();
  return state;
}

/** In a context of its own, so that nothing is there from before. */
async function open(browser: Browser, url: string, state: State | undefined): Promise<Opened> {
  const { origin } = new URL(url);
  const tab = await openTab(browser, origin, state ? { storageState: state } : {});
  await tab.page.goto(url);
  // The mark has no islands that could wake.
  if (!url.endsWith('.svg')) await tab.page.evaluate(AWAKE);
  const usableMs = await tab.page.evaluate(`Math.max(
    performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd,
    performance.getEntriesByName('awake')[0]?.startTime ?? 0)`);
  const bytes = tab.bytes();
  await tab.context.close();
  return { bytes, usableMs: usableMs as number };
}

interface Frame {
  readonly thinMs: number;
  readonly drawMs: number;
  readonly sinceMs: number;
}

async function chartLines(browser: Browser, points: number): Promise<readonly Line[]> {
  const dir = await mkdtemp(join(tmpdir(), 'tributary-frames-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await build({
    root: join(import.meta.dirname, '../web'),
    configFile: false,
    logLevel: 'error',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: dir,
      lib: {
        entry: join(import.meta.dirname, '../web/browser/chart-frames.tsx'),
        ...{ formats: ['iife'], name: 'frames', fileName: () => 'frames.js' },
      },
    },
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.setContent('<!doctype html><title>frames</title>');
  await page.addScriptTag({ content: await readFile(join(dir, 'frames.js'), 'utf8') });
  const run = async (count: number) =>
    (await page.evaluate(`chartFrames(${count}, ${FRAMES})`)) as readonly Frame[];
  await run(points);
  const nothing = await run(0);
  const drawn = await run(points);
  await page.close();
  const at = (frames: readonly Frame[], what: keyof Frame, share: number) =>
    quantile(
      frames.map((frame) => frame[what]),
      share,
    );
  const name = `${points.toLocaleString('en-US')} points`;
  return [
    { claim: `thinning ${name}: p50 (ms)`, ours: at(drawn, 'thinMs', 0.5) },
    { claim: `drawing what is left: p50 (ms)`, ours: at(drawn, 'drawMs', 0.5) },
    ...[0.5, 0.99].map((share) => ({
      claim: `frame to frame with ${name}: p${share * 100} (ms)`,
      ours: at(drawn, 'sinceMs', share),
      other: { name: 'floor' as const, value: at(nothing, 'sinceMs', share) },
    })),
  ];
}
