import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { TributaryError } from '../base/errors.ts';
import { DEVICES_ALLOWED, type Device, deviceKind, parseDevices } from './device.ts';
import { firstTrial, type SampleName, samples, standardLadder, trials } from './device-trials.ts';
import type { SessionCount } from './encoder-sessions.ts';
import type { RenditionSpec } from './rendition-spec.ts';
import type { TestVideoWork } from './test-video-make.ts';
import { createThreadPool } from './thread-pool.ts';
import { createTranscoder, type Transcoder } from './transcode.ts';

/** Cards of one machine that `auto` looks for: the largest servers have 16. */
const CARDS_MAX = 16;
/** More than eight streams of three renditions need; professional cards have no limit to find. */
const ENCODER_SESSIONS_TRIED = 24;
/** A driver that has not answered by then hangs. */
const DRIVER_LIMIT_MS = 30_000;
/** One standard stream needs this many encoder sessions. */
const RENDITIONS = standardLadder.length;
/** The usual length of a live segment. */
const SEGMENT_SECONDS = 2;
/** Left for decoding, uploads and the rest of the machine. */
const HEADROOM = 0.8;

/** What one device of this machine can really do, found by doing it. */
export interface DeviceReport {
  readonly device: Device;
  readonly usable: boolean;
  /** Output codecs that were opened and gave video. */
  readonly encoders: readonly RenditionSpec['encoder'][];
  /** Names of `Capability` in protocol/ that worked. */
  readonly capabilityNames: readonly string[];
  /**
   * Encoder sessions that the driver takes at once; absent on the CPU, which has no limit, and
   * where none was reached.
   */
  readonly sessionsMax?: number;
  /** The standard ladder of one stream, as a multiple of real time. 0 when not usable. */
  readonly speedX: number;
  /** Standard streams that it can carry at once and stay ahead of live. */
  readonly streams: number;
  /** Plain words for the person at the machine, the most important first. */
  readonly sentences: readonly string[];
}

/**
 * Tries out the devices of a `--device` setting: opens encoders, runs the standard ladder, counts
 * encoder sessions. `auto` takes every GPU that works, and the CPU when none does; GPUs that do not
 * work are reported with the reason. Takes some seconds a device; the event loop stays free.
 * @throws TributaryError `device_unusable` when the setting names no device
 */
export async function probeDevices(request: string): Promise<readonly DeviceReport[]> {
  const wish = parseDevices(request);
  if (!wish) {
    const text = `"${request}" names no device; allowed are ${DEVICES_ALLOWED}`;
    throw new TributaryError('device_unusable', text);
  }
  if (wish === 'nvidia:all') return probeAll(await foundCards());
  if (wish !== 'auto') return probeAll(wish);
  const reports = await probeAll(await foundGpus());
  if (reports.some((report) => report.usable)) return reports;
  return [...reports, ...(await probeAll(['cpu']))];
}

/** NVIDIA cards that the operating system shows; card 0, which then says why not, if it shows none. */
async function foundCards(): Promise<readonly Device[]> {
  const cards = await shownCards();
  return cards.length > 0 ? cards : ['nvidia:0'];
}

async function shownCards(): Promise<Device[]> {
  const shown = (await namesIn('/dev')).filter((name) => /^nvidia\d+$/.test(name));
  return shown.slice(0, CARDS_MAX).map((name) => `nvidia:${Number(name.slice(6))}` as const);
}

/** GPUs that the operating system shows, whether they work or not. */
async function foundGpus(): Promise<readonly Device[]> {
  // Without device files Windows can still have a card: driver 0 is tried, and says so if not.
  if (process.platform === 'win32') return ['nvidia:0'];
  const cards = await shownCards();
  if (cards.length > 0) return cards;
  const nodes = (await namesIn('/dev/dri')).filter((name) => /^renderD\d+$/.test(name));
  return nodes.slice(0, CARDS_MAX).map((name) => `vaapi:/dev/dri/${name}` as const);
}

const namesIn = (folder: string) => readdir(folder).catch((): string[] => []);

async function probeAll(devices: readonly Device[]): Promise<DeviceReport[]> {
  if (devices.length === 0) return [];
  const source = createSampleSource();
  try {
    const reports: DeviceReport[] = [];
    // One after the other: two devices at once would slow each other's measurement.
    for (const device of devices) reports.push(await probeDevice(device, source));
    return reports;
  } finally {
    await source.close();
  }
}

interface SampleSource {
  /** Undefined when this build of FFmpeg cannot make it. */
  get(name: SampleName): Promise<Uint8Array | undefined>;
  ladderSource(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

function createSampleSource(): SampleSource {
  const pool = createThreadPool<Omit<TestVideoWork, 'path'>, Uint8Array>({
    module: new URL('./sample-thread.ts', import.meta.url),
    threads: 1,
  });
  const held = new Map<string, Promise<Uint8Array | undefined>>();
  const make = (key: string, work: Omit<TestVideoWork, 'path'>) => {
    const known =
      held.get(key) ?? pool.run(work).then((made) => (made.ok ? made.value : undefined));
    held.set(key, known);
    return known;
  };
  return {
    get: (name) => make(name, samples[name]),
    ladderSource: () =>
      make('ladder', { seconds: SEGMENT_SECONDS, width: 1280, height: 720, fps: 30, audio: true }),
    close: () => pool.close(),
  };
}

async function probeDevice(device: Device, source: SampleSource): Promise<DeviceReport> {
  const parallel = deviceKind(device) === 'cpu' ? 2 : 3;
  const transcoder = createTranscoder({ device, parallel });
  try {
    const refusal = await runTrial(transcoder, source, firstTrial);
    if (refusal !== undefined) return unusable(device, refusal);
    const passed = new Set<string>([firstTrial.capability]);
    const failed: string[] = [];
    for (const trial of trials) {
      const text = await runTrial(transcoder, source, trial);
      if (text === undefined) passed.add(trial.capability);
      else failed.push(`${trial.words}${trial.capability.includes('Decode') ? ' input' : ''}`);
    }
    const counted = await countSessions(device);
    const speed = await measure(transcoder, source, parallel, counted?.opened);
    return usable(device, { passed, failed, counted, ...speed });
  } finally {
    await transcoder.close();
  }
}

/** Undefined when it worked, else FFmpeg's text. */
async function runTrial(
  transcoder: Transcoder,
  source: SampleSource,
  trial: (typeof trials)[number],
): Promise<string | undefined> {
  const sample = await source.get(trial.sample);
  if (!sample) return 'no sample of it could be made';
  const outcome = await transcoder.transcode({
    source: sample,
    profiles: [trial.spec],
    sessionKey: 'trial',
    phash: trial.phash,
  });
  if (!outcome.ok) return outcome.text;
  const [rendition] = outcome.renditions;
  const works = rendition !== undefined && rendition.frames > 0 && rendition.bytes.length > 0;
  return works ? undefined : 'it gave no video';
}

async function countSessions(device: Device): Promise<SessionCount | undefined> {
  if (deviceKind(device) === 'cpu') return undefined;
  const pool = createThreadPool<{ device: Device; limit: number }, SessionCount>({
    module: new URL('./encoder-sessions-thread.ts', import.meta.url),
    threads: 1,
  });
  try {
    const counted = await pool.run(
      { device, limit: ENCODER_SESSIONS_TRIED },
      { limitMs: DRIVER_LIMIT_MS },
    );
    return counted.ok ? counted.value : undefined;
  } finally {
    await pool.close();
  }
}

/** Speed of one stream, and of as many as run side by side, on the standard ladder. */
async function measure(
  transcoder: Transcoder,
  source: SampleSource,
  parallel: number,
  encoderSessions: number | undefined,
): Promise<{ readonly speedX: number; readonly totalX: number }> {
  const segment = await source.ladderSource();
  if (!segment) return { speedX: 0, totalX: 0 };
  const run = async (streams: number) => {
    const begun = performance.now();
    const outcomes = await Promise.all(
      Array.from({ length: streams }, (_, index) =>
        transcoder.transcode({
          source: segment,
          profiles: standardLadder,
          sessionKey: `speed-${index}`,
        }),
      ),
    );
    const seconds = (performance.now() - begun) / 1000;
    const done = outcomes.filter((outcome) => outcome.ok).length;
    return (done * SEGMENT_SECONDS) / seconds;
  };
  await run(1); // warms up threads, caches and the driver
  const speedX = await run(1);
  const most = Math.floor((encoderSessions ?? RENDITIONS * parallel) / RENDITIONS);
  const streams = Math.max(1, Math.min(parallel, most));
  return { speedX, totalX: streams > 1 ? Math.max(speedX, await run(streams)) : speedX };
}

interface Findings {
  readonly passed: ReadonlySet<string>;
  readonly failed: readonly string[];
  readonly counted: SessionCount | undefined;
  readonly speedX: number;
  readonly totalX: number;
}

function usable(device: Device, findings: Findings): DeviceReport {
  const { passed, failed, counted, speedX, totalX } = findings;
  const limited = counted?.text !== undefined && counted.opened > 0;
  const byDriver = limited ? Math.floor(counted.opened / RENDITIONS) : Number.POSITIVE_INFINITY;
  const streams = Math.max(1, Math.min(Math.floor(totalX * HEADROOM), byDriver));
  const sentences = [
    `${nameOf(device)} works: ${speedX.toFixed(1)} times real time for one stream of 720p30 into ${RENDITIONS} renditions, so ${count(streams, 'stream')} at once.`,
  ];
  if (totalX < 1) {
    sentences.push(
      'That is slower than live, so segments will come late. Stop other programs, or use a GPU.',
    );
  }
  if (limited) {
    sentences.push(
      `Its driver opens ${count(counted.opened, 'encoder session')} at once, then says "${counted.text}"; newer drivers allow more.`,
    );
  }
  if (failed.length > 0) sentences.push(`It cannot do: ${failed.join(', ')}.`);
  const encoders: RenditionSpec['encoder'][] = ['h264'];
  if (passed.has('HEVCEncode')) encoders.push('hevc');
  if (passed.has('VP9Encode')) encoders.push('vp9');
  return {
    device,
    usable: true,
    encoders,
    // Cutting from a decoded segment is done before the encoder sees it.
    capabilityNames: [...passed, 'SegmentSlicing'],
    ...(limited && { sessionsMax: counted.opened }),
    speedX,
    streams,
    sentences,
  };
}

function unusable(device: Device, text: string): DeviceReport {
  return {
    device,
    usable: false,
    encoders: [],
    capabilityNames: [],
    speedX: 0,
    streams: 0,
    sentences: [`${nameOf(device)} cannot be used: FFmpeg says "${text}".`, advice(device)],
  };
}

function advice(device: Device): string {
  switch (deviceKind(device)) {
    case 'nvidia':
      return 'Run nvidia-smi: if it does not list the card, install the driver; in a container give it --gpus all and NVIDIA_DRIVER_CAPABILITIES=video,compute,utility.';
    case 'vaapi':
      return 'Run vainfo: if it does not list H.264 encoding, install the VA-API driver of the card, and let this user read the render node (group render).';
    case 'cpu':
      return 'The FFmpeg that comes with Tributary did not start: install Tributary again.';
  }
}

function nameOf(device: Device): string {
  if (device === 'cpu') return `The CPU (${count(availableParallelism(), 'core')})`;
  const name = device.slice(device.indexOf(':') + 1);
  return deviceKind(device) === 'nvidia' ? `NVIDIA card ${name}` : `The GPU at ${name}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
