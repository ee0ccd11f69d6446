import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { TributaryError } from '../../base/errors.ts';
import { quantile } from '../../base/figures.ts';
import { makeTestVideo } from '../../media/test-video.ts';
import { type Cast, startCast } from './cast.ts';
import { type Evidence, type GatewaySummary, LADDER } from './checks.ts';
import { type Child, failureOf } from './children.ts';
import { createKilling } from './killing.ts';
import { type MoneyEvidence, settle } from './money.ts';
import { type PayEvidence, settlePay } from './pay.ts';
import { lookAt, play } from './playable.ts';
import type { ChainStatus, PoolStatus } from './pool-api.ts';
import { minutes, type Scene, type WorkerRow } from './view.ts';

/** Fine enough to see a task of half a second twice. */
const POLL_MS = 100;
/** The dead worker stays away for two segments, then comes back. */
const AWAY_MS = 4_000;
/** The view changes no more often than one can read. */
const SHOW_MS = 250;
/** The chain makes a block a second. */
const CHAIN_LOOK_MS = 1_000;

/** Decoding it must leave the cores of a small machine time for the ladder. */
const SOURCE_SIZE = { width: 854, height: 480 };

/** What the demo is asked to do. */
export interface DemoOptions {
  /** The video; undefined to make one. */
  readonly input: string | undefined;
  readonly output: string;
  /** Where the pages are served, for whoever wants to look at them; any port when left out. */
  readonly httpAddr?: string | undefined;
  /** How much of it; undefined for all of the input. */
  readonly seconds: number | undefined;
}

/** What the demo stands on. */
export interface DemoParts {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Shows a moment. */
  show(scene: Scene): void;
  /** Tells of something that happened, once. */
  tell(event: string): void;
  /** Called at the end, while everything still runs; it ends when this resolves. */
  ended(result: DemoResult, cast: Cast): Promise<void>;
}

/** What the whole demo comes to. */
export interface DemoResult {
  readonly evidence: Evidence;
  readonly money: MoneyEvidence;
  readonly pay: PayEvidence;
  /** The end of the stream; its latency is the gateway's, from segment end to last rendition. */
  readonly scene: Scene;
  /** Path of the master playlist. */
  readonly master: string;
}

const gatewayLine = z.discriminatedUnion('event', [
  z.object({ event: z.literal('segment'), ok: z.boolean(), addedMs: z.number() }),
  z.object({
    event: z.literal('summary'),
    segments: z.number(),
    failed: z.number(),
    retried: z.number(),
    pixels: z.string().transform(BigInt),
    paid: z
      .object({
        tickets: z.number(),
        expectedValueWei: z.string().transform(BigInt),
        feesWei: z.string().transform(BigInt),
      })
      .optional(),
  }),
]);

/**
 * Runs a chain, a pool, workers and a gateway that pays as processes, streams a video live, kills the
 * busy worker halfway, redeems what was won and gathers what came of it. Throws TributaryError where
 * the demo could not be run at all.
 */
export async function runDemo(options: DemoOptions, parts: DemoParts): Promise<void> {
  const { clock, env } = parts;
  if (options.input !== undefined) await lookAtVideo(options.input); // before anything starts
  parts.show(opening('Starting a chain, a pool, its database and two workers.', options));
  await using cast = await startCast({ env, clock, httpAddr: options.httpAddr });
  const input = options.input ?? join(cast.scratch, 'source.ts');
  const made = options.input
    ? undefined
    : makeTestVideo({ path: input, seconds: options.seconds ?? 30, ...SOURCE_SIZE });
  const prepared = Promise.all([cast.activated(), made, cast.joined(), cast.promised()]);
  const [first] = await untilStopped(parts.signal, prepared);
  const source = await lookAtVideo(input);
  const totalMs = Math.min(source.seconds, options.seconds ?? source.seconds) * 1000;
  const streamed = await stream(cast, { ...options, input, totalMs }, parts);
  const [status, totals] = [await cast.api.status(), await cast.api.totals()];
  let { scene } = streamed;
  const show = (headline: string, chain = scene.chain) => {
    scene = { ...scene, headline, chain };
    parts.show(scene);
  };
  const settled = await untilStopped(parts.signal, settle(cast, { clock, show }));
  const workers = totals.map(({ name }) => name);
  const paying = settlePay(cast, workers, { clock, show: (text) => show(text, settled) });
  const pay = await untilStopped(parts.signal, paying);
  show('Decoding what came back, as a player would.', settled);
  const playlists = [];
  for (const name of ['source', ...LADDER]) {
    const playing = play(join(options.output, name, 'index.m3u8'));
    playlists.push({ name, outcome: await untilStopped(parts.signal, playing) });
  }
  const result = {
    master: join(options.output, 'master.m3u8'),
    scene,
    pay,
    money: {
      gateway: streamed.summary.paid,
      pool: settled,
      chain: await cast.chain.facts(),
      firstRound: first.round,
      stakeAtFirst: first.stake,
    },
    evidence: {
      gateway: streamed.summary,
      gatewayExit: streamed.exit,
      killed: streamed.killed,
      status,
      totals,
      playlists,
      sourceHasSound: source.sound,
    },
  };
  await parts.ended(result, cast);
}

async function lookAtVideo(path: string): Promise<{ seconds: number; sound: boolean }> {
  const video = await lookAt(path);
  if (video) return video;
  throw new TributaryError('media_unreadable', `${path} is not a video that can be streamed`);
}

interface Streamed {
  readonly summary: GatewaySummary;
  readonly exit: number | NodeJS.Signals;
  readonly killed: Evidence['killed'];
  readonly scene: Scene;
}

/** Streams the video, and does to the workers what the demo is about. */
async function stream(
  cast: Cast,
  options: DemoOptions & { readonly input: string; readonly totalMs: number },
  parts: DemoParts,
): Promise<Streamed> {
  const { clock, signal } = parts;
  await rm(join(options.output, 'master.m3u8'), { force: true });
  const gateway = cast.stream(options);
  const report = follow(gateway);
  const startedAt = clock.now();
  const elapsedMs = () => clock.now() - startedAt;
  const killing = createKilling();
  const events: string[] = [];
  const away = new Map<string, { restartAt: number; sinceText: string }>();
  let killed: string | undefined;
  let shownAt = Number.NEGATIVE_INFINITY;
  const chain = watchChain(cast, clock);

  const tell = (text: string) => {
    const event = `${minutes(elapsedMs())}  ${text}`;
    events.push(event);
    parts.tell(event);
  };

  const moment = (status: PoolStatus): Scene => {
    const rows = status.workers.map((worker) => rowOf(worker, away.get(worker.name)?.sinceText));
    const rest = { elapsedMs: elapsedMs(), totalMs: options.totalMs, addedMs: report.addedMs() };
    return sceneOf(status, rows, { ...rest, events, chain: chain.seen() });
  };

  while (gateway.running) {
    const status = await untilStopped(signal, cast.api.status());
    const decision = killing.decide(status, elapsedMs() >= options.totalMs / 2);
    if (decision.act === 'kill') {
      cast.kill(decision.worker);
      killed = decision.worker;
      const sinceText = `Killed at ${minutes(elapsedMs())}`;
      away.set(decision.worker, { restartAt: clock.now() + AWAY_MS, sinceText });
      tell(`${decision.worker} was killed in the middle of a segment`);
    }
    if (decision.act === 'survived') tell(`another worker finished ${decision.worker}’s segment`);
    for (const [name, { restartAt }] of away) {
      if (clock.now() < restartAt) continue;
      away.delete(name);
      cast.restart(name);
      tell(`${name} was started again`);
    }
    if (clock.now() - shownAt >= SHOW_MS) {
      shownAt = clock.now();
      parts.show(moment(status));
    }
    if (!cast.pool.running) throw await failureOf(cast.pool);
    await Promise.race([gateway.exited, new Promise<void>((r) => clock.after(POLL_MS, r))]);
  }
  const exit = await gateway.exited;
  const said = await report.summary;
  if (!said) throw await failureOf(gateway);
  // The last segment may have come back after the last look.
  const last = await cast.api.status();
  killing.decide(last, true);
  return {
    summary: said,
    exit,
    killed: killed === undefined ? undefined : { worker: killed, survived: killing.survived },
    scene: moment(last),
  };
}

/** Asks now and then how the orchestrator stands, and remembers it; never waits for the answer. */
function watchChain({ api }: Cast, clock: Clock) {
  let seen: ChainStatus | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  return {
    seen() {
      if (clock.now() - askedAt >= CHAIN_LOOK_MS) {
        askedAt = clock.now();
        api.chain().then(
          (status) => {
            seen = status;
          },
          () => {}, // a pool that has ended is noticed by its process
        );
      }
      return seen;
    },
  };
}

/** Reads what the gateway says: latencies as segments come back, and its summary at the end. */
function follow(gateway: Child) {
  const latencies: number[] = [];
  let summary: GatewaySummary | undefined;
  gateway.onLine((line) => {
    const parsed = gatewayLine.safeParse(jsonOf(line));
    if (!parsed.success) return;
    if (parsed.data.event === 'summary') {
      const { event: _, ...said } = parsed.data;
      summary = said;
    } else if (parsed.data.ok) latencies.push(parsed.data.addedMs);
  });
  return {
    /** Undefined when it ended without one. */
    summary: gateway.silent.then(() => summary),
    addedMs: (): Scene['addedMs'] =>
      latencies.length === 0
        ? undefined
        : { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) },
  };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // not a line of the report
  }
}

function opening(headline: string, { seconds }: DemoOptions): Scene {
  return {
    headline,
    tone: 'plain',
    elapsedMs: undefined,
    totalMs: (seconds ?? 0) * 1000,
    workers: [],
    segments: { ok: 0, inFlight: 0, retried: 0, failed: 0 },
    addedMs: undefined,
    chain: undefined,
    events: [],
  };
}

function sceneOf(
  { segments }: PoolStatus,
  workers: readonly WorkerRow[],
  rest: Pick<Scene, 'elapsedMs' | 'totalMs' | 'addedMs' | 'chain' | 'events'>,
): Scene {
  const working = workers.filter(({ tone }) => tone !== 'wrong').length;
  const failures = segments.failed === 0 ? 'no segment failed' : `${segments.failed} failed`;
  return {
    headline: `Working. ${working} of ${workers.length} workers connected, ${failures}.`,
    tone: segments.failed === 0 ? 'paid' : 'wrong',
    workers,
    segments,
    ...rest,
  };
}

function rowOf(worker: PoolStatus['workers'][number], killedText: string | undefined): WorkerRow {
  const { name, status, connections, segments, failedAttempts, pixels } = worker;
  const figures = { name, segments, failedAttempts, pixels };
  if (connections > 0 && !killedText) return { ...figures, state: status, tone: 'paid' };
  if (killedText) return { ...figures, state: killedText, tone: 'wrong' };
  return { ...figures, state: 'Coming back', tone: 'attention' };
}

/** Rejects with `demo_stopped` as soon as the user wants no more. */
async function untilStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(new TributaryError('demo_stopped', 'The demo was stopped.'));
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
