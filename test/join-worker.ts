import type { TestContext } from 'node:test';
import { type Clock, systemClock } from '../src/base/clock.ts';
import { quiet } from '../src/base/log.ts';
import { createMetrics } from '../src/base/metrics.ts';
import type { TranscodeOutcome, TranscodeRequest } from '../src/media/transcode.ts';
import type { WorkDevice } from '../src/programs/worker/equipment.ts';
import {
  type RunningWorker,
  startWorker,
  type WorkerStatus,
} from '../src/programs/worker/worker.ts';
import { DEFAULT_BITS } from '../src/protocol/capabilities.ts';
import type { NotifySegment } from '../src/protocol/gen/lp_rpc_pb.ts';
import { type FakeOrchestrator, startFakeOrchestrator } from './fake-orchestrator.ts';

export const LINK_LOST = [
  ['the stream ends with OK', { code: 0, text: '' }],
  ['any other status', { code: 2, text: 'something' }],
  ['UNAVAILABLE', { code: 14, text: 'later' }],
  ['CANCELLED as a status', { code: 1, text: 'cancelled' }],
  ['a stream without trailers', undefined],
] as const;

/** Renditions whose bytes tell source, device and profile. */
export function canned(request: TranscodeRequest): TranscodeOutcome {
  return {
    ok: true,
    sourcePixels: 55296000n,
    sourceFrames: 60,
    renditions: request.profiles.map(({ name, width, height }) => ({
      bytes: Buffer.from(`${name} of ${request.source.length} bytes, padded to be long enough`),
      pixels: BigInt(width * height * 60),
      frames: 60,
      width,
      height,
      ...(request.phash ? { phash: Buffer.from(`phash of ${name}`) } : {}),
    })),
  };
}

export function device(
  name: string,
  transcode: (request: TranscodeRequest) => TranscodeOutcome | Promise<TranscodeOutcome> = canned,
) {
  const made: WorkDevice = {
    name,
    sessions: 4,
    transcoder: {
      transcode: async (request) => transcode(request),
      close: async () => {},
    },
  };
  return made;
}

export interface Joined {
  readonly worker: RunningWorker;
  /** Resolves at the first status that fits. */
  until(fits: (status: WorkerStatus) => boolean): Promise<WorkerStatus>;
}

export async function join(
  t: TestContext,
  orchestrator: FakeOrchestrator,
  options: {
    readonly devices?: readonly WorkDevice[];
    readonly clock?: Clock;
    readonly pin?: string;
    readonly credential?: string;
  } = {},
): Promise<Joined> {
  const watchers = new Set<(status: WorkerStatus) => void>();
  const worker = await startWorker(
    {
      orchestrator: {
        origin: orchestrator.origin,
        pin: options.pin,
        credential: options.credential ?? 's3cret',
      },
      maxSessions: 'auto',
      equipment: { devices: options.devices ?? [device('cpu')], bits: DEFAULT_BITS },
    },
    {
      clock: options.clock ?? systemClock,
      log: quiet,
      metrics: createMetrics(),
      random: () => 0,
      onChange: (status) => {
        for (const watch of watchers) watch(status);
      },
    },
  );
  t.after(() => worker.stop());
  return {
    worker,
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

export async function orchestrate(t: TestContext): Promise<FakeOrchestrator> {
  const orchestrator = await startFakeOrchestrator();
  t.after(() => orchestrator[Symbol.asyncDispose]());
  return orchestrator;
}

export const fromUrl = (url: string) => (message: NotifySegment) => {
  message.url = url;
};

export const without = (field: 'segData') => (message: NotifySegment) => {
  delete message[field];
};

export const inSession = (sessionId: string, taskId: bigint) => (message: NotifySegment) => {
  if (message.segData?.authToken) message.segData.authToken.sessionId = sessionId;
  message.taskId = taskId;
};

export function answersPing(session: { ping(run: (error: Error | null) => void): boolean }) {
  return new Promise<boolean>((resolve) => session.ping((error) => resolve(error === null)));
}
