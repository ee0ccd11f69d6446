import { access, writeFile } from 'node:fs/promises';
import { systemClock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { readSettings } from '../../base/help.ts';
import { createLiveView } from '../../base/live-view.ts';
import { makeOutputFolder } from '../../base/output-folder.ts';
import { showHostPort } from '../../base/setting-types.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { busyText, loadNow } from './busy.ts';
import { checksOf } from './checks.ts';
import { type DemoResult, runDemo } from './demo.ts';
import { lookAround } from './look-around.ts';
import { moneyChecks } from './money.ts';
import { paidText, payChecks } from './pay.ts';
import { demoCommand } from './settings.ts';
import { terminalSvg } from './svg.ts';
import { type Check, resultLines, type Scene, sceneLines, scenePlain } from './view.ts';

/** Segments of the demo, as stock gateways cut them. */
const SEGMENT_SECONDS = 2;

/** `tributary demo`. Exit code 0 only when every check held. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const settings = readSettings(demoCommand, args, io);
  if (!settings) return exitCode.ok;
  const { input, output, seconds, segments, json, svg, stay, httpAddr } = settings.values;
  if (input !== undefined) await existing(input);
  await makeOutputFolder(output);
  const asked = settings.origins.seconds.from !== 'default';
  const wanted = segments === undefined ? seconds : segments * SEGMENT_SECONDS;
  const stop = stopOnSignal();
  // With --json, people read the view on standard error.
  const shown: Io = json ? { ...io, stdout: io.stderr, isTty: false } : io;
  const view = createLiveView(shown);
  const paint = createPaint(shown);
  const plain = plainLines();
  try {
    let ok = false;
    await runDemo(
      {
        input,
        output,
        httpAddr: stay ? showHostPort(httpAddr) : undefined,
        // A file of yours is streamed whole unless you say how much of it.
        seconds: input !== undefined && !asked && segments === undefined ? undefined : wanted,
      },
      {
        clock: systemClock,
        env: io.env,
        signal: stop.signal,
        show: (scene) => view.show(sceneLines(scene, paint), plain(scene)),
        tell: (event) => {
          if (!shown.isTty) view.keep(event);
        },
        async ended(result, cast) {
          const checks = [
            ...checksOf(result.evidence),
            ...moneyChecks(result.money),
            ...payChecks(result.pay, result.evidence.totals),
          ];
          const report = reportOf(result, checks);
          ok = report.ok;
          if (json && report.busy) io.stderr.write(`${report.busy}\n`);
          if (json) io.stdout.write(`${jsonReport(result, checks)}\n`);
          // In the place of the live view: what stays is the result.
          else if (io.isTty) view.show(resultLines(report, paint));
          else io.stdout.write(`\n${resultLines(report, paint).join('\n')}\n`);
          if (svg !== undefined) {
            const colours = createPaint({ env: {}, isTty: true });
            await writeFile(svg, terminalSvg(resultLines(report, colours), report.headline));
          }
          if (stay) await lookAround(cast, { stop: stop.signal, out: shown.stdout, paint });
        },
      },
    );
    return ok ? exitCode.ok : exitCode.failed;
  } finally {
    view.close();
    stop.close();
  }
}

/** A line for each headline and each segment, not for each second. */
function plainLines(): (scene: Scene) => string {
  let last = { key: '', line: '' };
  return (scene) => {
    const { ok, failed, retried } = scene.segments;
    const streaming = scene.workers.length > 0 && scene.headline.startsWith('Working');
    const key = streaming ? `${ok} ${failed} ${retried}` : scene.headline;
    if (key !== last.key) last = { key, line: streaming ? scenePlain(scene) : scene.headline };
    return last.line;
  };
}

function reportOf({ evidence, money, pay, scene, master }: DemoResult, checks: readonly Check[]) {
  const ok = checks.every((check) => check.ok);
  const { gateway, killed } = evidence;
  const although = killed ? `, although ${killed.worker} was killed in the middle of one` : '';
  return {
    ok,
    headline: ok
      ? `All ${gateway.segments} segments came back${although}.`
      : `${checks.filter((check) => !check.ok).length} of ${checks.length} checks failed.`,
    contributed: evidence.totals.map((row) => ({
      ...row,
      paid: paidText(pay.verdicts.find(({ worker }) => worker === row.name)?.found),
    })),
    checks,
    chain: money.pool,
    addedMs: scene.addedMs,
    busy: ok ? undefined : busyText(loadNow(), scene.addedMs?.p50),
    events: scene.events,
    master,
  };
}

function jsonReport(
  { evidence, money, pay, scene, master }: DemoResult,
  checks: readonly Check[],
): string {
  const value = {
    ok: checks.every((check) => check.ok),
    checks,
    gateway: evidence.gateway,
    workers: evidence.totals,
    addedMs: scene.addedMs,
    killed: evidence.killed,
    pool: money.pool,
    chain: money.chain,
    pay,
    master,
  };
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item));
}

async function existing(path: string): Promise<void> {
  await access(path).catch((cause) => {
    throw new TributaryError('input_missing', `There is no file ${path}.`, { cause });
  });
}

/** Ctrl-C stops the demo, which then stops every process that it started. */
function stopOnSignal(): { readonly signal: AbortSignal; close(): void } {
  const abort = new AbortController();
  const stop = () => abort.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  const held = setInterval(() => {}, 2 ** 30);
  return {
    signal: abort.signal,
    close() {
      clearInterval(held);
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
