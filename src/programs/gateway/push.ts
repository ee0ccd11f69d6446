import { randomUUID } from 'node:crypto';
import { access } from 'node:fs/promises';
import type { Blob, BlobStore } from '../../base/blob.ts';
import type { ValuesOf } from '../../base/command.ts';
import { TributaryError } from '../../base/errors.ts';
import { showPixels } from '../../base/figures.ts';
import { createLiveView, type LiveView } from '../../base/live-view.ts';
import { createPaint, exitCode, type Io } from '../../base/terminal.ts';
import { type FileSegment, segmentFile } from '../../media/segmenter.ts';
import { type Assembled, assemble } from './assemble.ts';
import type { Funding } from './chain.ts';
import type { SegmentOutcome, Stream } from './gateway.ts';
import { type HlsFolder, openHlsFolder } from './hls-folder.ts';
import { createLanes } from './lanes.ts';
import { asSoonAsRead, type Due, livePaced } from './pacing.ts';
import { fundingText, type PaymentReport } from './paying.ts';
import { readProfiles } from './profiles.ts';
import type { gatewayPushCommand } from './settings.ts';
import {
  createTally,
  latencyText,
  outcomeText,
  paidFigures,
  paidText,
  progressText,
  type Summary,
} from './summary.ts';

/** A file: one segment transcodes, the next one is uploaded and checked meanwhile. */
const LANES_FILE = 2;
/** Live: as many as an orchestrator queues for one session. */
const LANES_LIVE = 5;

/** Sends a file through a pool and writes an HLS folder. Exit code 1 when a segment failed. */
export async function push(
  settings: ValuesOf<typeof gatewayPushCommand.settings>,
  io: Io,
): Promise<number> {
  await access(settings.input).catch((cause) => {
    throw new TributaryError('input_missing', `there is no file ${settings.input}`, { cause });
  });
  const profiles = await readProfiles(settings.profiles);
  const parts = await assemble(settings);
  const stop = stopOnSignal();
  try {
    const folder = await openHlsFolder({
      path: settings.output,
      names: profiles.map((profile) => profile.name),
      describe: parts.media.describe,
    });
    const report = settings.json ? jsonReport(io) : viewReport(io, folder.master);
    const { funding } = parts.paying;
    if (funding) report.funded(funding);
    const segments = upTo(
      segmentFile(settings.input, { segmentMs: settings.segmentSeconds * 1000 }),
      settings.seconds,
    );
    const summary = await stream(parts, {
      profiles,
      segments: settings.live ? livePaced(segments, parts.clock) : asSoonAsRead(segments),
      lanes: settings.live ? LANES_LIVE : LANES_FILE,
      folder,
      report,
      signal: stop.signal,
    });
    report.end(summary, await parts.paying.report());
    return summary.failed > 0 || summary.segments === 0 || stop.signal.aborted
      ? exitCode.failed
      : exitCode.ok;
  } finally {
    stop.close();
    await parts.close();
  }
}

/** Tells of a run while it goes on and at its end. */
interface Report {
  funded(funding: Funding): void;
  segment(event: {
    readonly index: number;
    readonly outcome: SegmentOutcome;
    readonly addedMs: number;
    readonly summary: Summary;
    readonly inFlight: number;
  }): void;
  /** `paid` is undefined off-chain. */
  end(summary: Summary, paid: PaymentReport | undefined): void;
}

interface Run {
  readonly profiles: Parameters<Assembled['gateway']['openStream']>[0]['profiles'];
  readonly segments: AsyncIterable<Due<FileSegment>>;
  readonly lanes: number;
  readonly folder: HlsFolder;
  readonly report: Report;
  readonly signal: AbortSignal;
}

async function stream(parts: Assembled, run: Run): Promise<Summary> {
  const { clock, media, blobs } = parts;
  const tally = createTally();
  const lanes = createLanes(run.lanes);
  let opened: Stream | undefined;
  let failure: unknown;
  let index = 0;
  for await (const { segment, completeAt } of run.segments) {
    if (run.signal.aborted || failure) break;
    const source = blobOf(blobs, segment.bytes);
    opened ??= parts.gateway.openStream({
      manifestId: randomUUID(),
      profiles: run.profiles,
      input: (await media.inputOf(source)) ?? { codec: 'h264' },
    });
    const { transcode } = opened;
    const place = index++;
    await lanes.start(async () => {
      try {
        const { durationMs } = segment;
        const since = completeAt ?? clock.now();
        const outcome = await transcode({ seq: place, durationMs, blob: source });
        const addedMs = clock.now() - since;
        tally.add(outcome, addedMs);
        const renditions = outcome.ok ? outcome.renditions.map(({ blob }) => blob) : undefined;
        await run.folder.add({ index: place, durationMs, source, renditions });
        const inFlight = lanes.busy - 1;
        run.report.segment({ index: place, outcome, addedMs, summary: tally.summary(), inFlight });
        if (outcome.ok) outcome.release();
      } catch (error) {
        failure ??= error;
      } finally {
        source.release();
      }
    });
  }
  await lanes.idle();
  await opened?.end();
  if (failure) throw failure;
  await run.folder.finish();
  return tally.summary();
}

/** The segments that start within the first `seconds` of the file. */
async function* upTo(
  segments: AsyncIterable<FileSegment>,
  seconds: number | undefined,
): AsyncGenerator<FileSegment> {
  let originMs: number | undefined;
  for await (const segment of segments) {
    originMs ??= segment.startMs;
    // Half a frame of slack: a segment that would start at the very end is beyond it.
    if (seconds !== undefined && segment.startMs - originMs > seconds * 1000 - 20) return;
    yield segment;
  }
}

function blobOf(blobs: BlobStore, bytes: Uint8Array): Blob {
  const blob = blobs.create();
  blob.write(bytes);
  blob.complete();
  return blob;
}

function viewReport(io: Io, master: string): Report {
  const view: LiveView = createLiveView(io);
  const paint = createPaint(io);
  return {
    funded: (funding) => view.keep(fundingText(funding)),
    segment({ index, outcome, summary, inFlight }) {
      if (!outcome.ok) {
        view.keep(paint('wrong', `Segment ${index} failed: ${failureText(outcome)}`));
      }
      view.show([progressText(summary, inFlight)]);
    },
    end(summary, paid) {
      view.close();
      const tone = summary.failed > 0 || summary.segments === 0 ? 'wrong' : 'paid';
      const lines = [
        paint(tone, outcomeText(summary)),
        `Latency   ${latencyText(summary)}, from the end of a segment to its last rendition`,
        `Pixels    ${showPixels(summary.pixels)}, counted here and equal to what was reported`,
        ...(paid ? [`Paid      ${paidText(paid)}`] : []),
        `Play      ${master}`,
      ];
      io.stdout.write(`${lines.join('\n')}\n`);
    },
  };
}

function failureText(outcome: Extract<SegmentOutcome, { ok: false }>): string {
  const { attempts, text } = outcome;
  return attempts === 0 ? text : `${text}, after ${attempts} ${attempts === 1 ? 'try' : 'tries'}`;
}

/** One JSON object a line: `segment` as each comes back, `summary` at the end. */
function jsonReport(io: Io): Report {
  const print = (value: object) =>
    io.stdout.write(
      `${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item))}\n`,
    );
  return {
    funded: (funding) => print({ event: 'funded', ...funding }),
    segment({ index, outcome, addedMs, inFlight }) {
      const { ok, attempts } = outcome;
      const said = outcome.ok ? { pixels: outcome.pixels } : { error: outcome.text };
      print({ event: 'segment', segment: index, ok, attempts, addedMs, inFlight, ...said });
    },
    end(summary, paid) {
      print({ event: 'summary', ...summary, ...(paid && { paid: paidFigures(paid) }) });
    },
  };
}

/** Ctrl-C ends the stream in order: what is in flight comes back and the folder is closed. */
function stopOnSignal(): { readonly signal: AbortSignal; close(): void } {
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // Nothing else may hold the process while a live stream waits for its next segment.
  const held = setInterval(() => {}, 2 ** 30);
  return {
    signal: abort.signal,
    close() {
      clearInterval(held);
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
