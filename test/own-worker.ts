import { type Clock, systemClock } from '../src/base/clock.ts';
import { quiet } from '../src/base/log.ts';
import { createMetrics } from '../src/base/metrics.ts';
import type { TranscodeRequest } from '../src/media/transcode.ts';
import type { WorkDevice } from '../src/programs/worker/equipment.ts';
import type { ReceiptKeeper } from '../src/programs/worker/receipts.ts';
import {
  type RunningWorker,
  startWorker,
  type WorkerOptions,
  type WorkerStatus,
} from '../src/programs/worker/worker.ts';
import { DEFAULT_BITS } from '../src/protocol/capabilities.ts';
import { parseJoinString } from '../src/workers/join-string.ts';
import { stampedRenditions } from './fixtures/renditions.ts';
import type { Cleanup } from './start-pool.ts';

/** A worker of ours in this process. */
export interface OwnWorker extends WatchedWorker {
  /** Segments that its device was given. */
  readonly requests: readonly TranscodeRequest[];
}

/**
 * Joins a pool by a join string, with a device that knows the tests' source by heart, so that no
 * time goes into encoding. `before` is awaited ahead of each segment.
 */
export async function startOwnWorker(
  t: Cleanup,
  join: string,
  options: {
    readonly clock?: Clock;
    readonly receipts?: ReceiptKeeper;
    /** What it calls its device. */
    readonly device?: string;
    /** Encoders that it opens at once; it would take four sessions. */
    readonly encoders?: number;
    before?(request: TranscodeRequest): Promise<void>;
  } = {},
): Promise<OwnWorker> {
  const parsed = parseJoinString(join);
  if (!parsed.ok) throw new Error(`not a join string: ${parsed.reason}`);
  const { host, port, pin, credential } = parsed.join;
  const requests: TranscodeRequest[] = [];
  const device = {
    name: options.device ?? 'cpu',
    sessions: 4,
    encoders: options.encoders,
    transcoder: {
      async transcode(request: TranscodeRequest) {
        requests.push(request);
        await options.before?.(request);
        const renditions = await stampedRenditions(['P240p30fps16x9']);
        return {
          ok: true as const,
          sourcePixels: 640n * 360n * 60n,
          sourceFrames: 60,
          renditions: renditions.map((rendition) => ({
            ...rendition,
            bytes: Buffer.from(rendition.bytes),
            frames: 60,
            width: 426,
            height: 240,
          })),
        };
      },
      close: async () => {},
    },
  };
  const worker = await startWorkerHere(
    t,
    { origin: `https://${host}:${port}`, pin, credential },
    { ...options, devices: [device] },
  );
  return { ...worker, requests };
}

/** A worker in this process that can be waited for. */
export interface WatchedWorker extends RunningWorker {
  /** Resolves at the first status that fits. */
  until(fits: (status: WorkerStatus) => boolean): Promise<WorkerStatus>;
}

/** Starts our worker in this process, with devices of the test's; it stops with the test. */
export async function startWorkerHere(
  t: Cleanup,
  orchestrator: WorkerOptions['orchestrator'],
  options: {
    readonly devices: readonly WorkDevice[];
    readonly clock?: Clock;
    readonly receipts?: ReceiptKeeper;
  },
): Promise<WatchedWorker> {
  const watchers = new Set<(status: WorkerStatus) => void>();
  const worker = await startWorker(
    {
      orchestrator,
      maxSessions: 'auto',
      equipment: { devices: options.devices, bits: DEFAULT_BITS },
    },
    {
      clock: options.clock ?? systemClock,
      log: quiet,
      metrics: createMetrics(),
      random: () => 0,
      ...(options.receipts && { receipts: options.receipts }),
      onChange: (status) => {
        for (const watch of watchers) watch(status);
      },
    },
  );
  t.after(() => worker.stop());
  return {
    ...worker,
    until: (fits) =>
      new Promise((resolve) => {
        const watch = (status: WorkerStatus) => {
          if (!fits(status)) return;
          watchers.delete(watch);
          resolve(status);
        };
        watchers.add(watch);
        watch(worker.status());
      }),
  };
}
