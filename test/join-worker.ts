import type { TestContext } from 'node:test';
import type { Clock } from '../src/base/clock.ts';
import type { TranscodeOutcome, TranscodeRequest } from '../src/media/transcode.ts';
import type { WorkDevice } from '../src/programs/worker/equipment.ts';
import type { NotifySegment } from '../src/protocol/gen/lp_rpc_pb.ts';
import { type FakeOrchestrator, startFakeOrchestrator } from './fake-orchestrator.ts';
import { startWorkerHere, type WatchedWorker } from './own-worker.ts';

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

/** A worker of ours with the secret of a stock orchestrator. */
export function join(
  t: TestContext,
  { origin }: FakeOrchestrator,
  options: {
    readonly devices?: readonly WorkDevice[];
    readonly clock?: Clock;
    readonly pin?: string;
  } = {},
): Promise<WatchedWorker> {
  return startWorkerHere(
    t,
    { origin, pin: options.pin, credential: 's3cret' },
    { ...options, devices: options.devices ?? [device('cpu')] },
  );
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
