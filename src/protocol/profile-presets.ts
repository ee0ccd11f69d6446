import { z } from 'zod';
import { TributaryError } from '../base/errors.ts';
import { defaultProfileName, PROFILES_MAX, unusable, type VideoProfile } from './video-profile.ts';

/** name: width, height, kilobits per second, frames per second. Wire: lpms ffmpeg/videoprofile.go. */
const table = {
  P1080p60fps16x9: [1920, 1080, 9000, 60],
  P1080p30fps16x9: [1920, 1080, 6000, 30],
  P720p60fps16x9: [1280, 720, 6000, 60],
  P720p30fps16x9: [1280, 720, 4000, 30],
  P720p25fps16x9: [1280, 720, 3500, 25],
  P720p30fps4x3: [960, 720, 3500, 30],
  P576p30fps16x9: [1024, 576, 1500, 30],
  P576p25fps16x9: [1024, 576, 1500, 25],
  P480p30fps16x9: [854, 480, 2000, 30],
  P360p30fps16x9: [640, 360, 1200, 30],
  P360p25fps16x9: [640, 360, 1000, 25],
  P360p30fps4x3: [480, 360, 1000, 30],
  P240p30fps16x9: [426, 240, 600, 30],
  P240p25fps16x9: [426, 240, 600, 25],
  P240p30fps4x3: [320, 240, 600, 30],
  P144p30fps16x9: [256, 144, 400, 30],
  P144p25fps16x9: [256, 144, 400, 25],
} as const satisfies Record<string, readonly [number, number, number, number]>;

export type PresetName = keyof typeof table;

/** What every profile has unless something else is asked for. */
const plain = {
  fpsDen: 0,
  format: 'mpegts',
  h264Profile: 'default',
  gop: 0,
  encoder: 'h264',
  quality: 0,
  colorDepth: 0,
  chroma: '420',
} as const;

/**
 * The stock gateway's named profiles, and 480p and 1080p ones made after the bit rates that the
 * stock list recommends (it has none of its own; the names say nothing on the wire).
 */
export const presets: Readonly<Record<PresetName, VideoProfile>> = Object.fromEntries(
  Object.entries(table).map(([name, [width, height, kilobits, fps]]) => [
    name,
    { ...plain, name, width, height, bitrate: kilobits * 1000, fps } satisfies VideoProfile,
  ]),
) as Record<PresetName, VideoProfile>;

/** What a stock gateway asks for when nothing is configured. */
export const DEFAULT_PRESETS: readonly PresetName[] = ['P240p30fps16x9', 'P360p30fps16x9'];

/** A comma-separated list of preset names. Throws `profile_invalid` on an unknown one. */
export function profilesFromNames(text: string): readonly VideoProfile[] {
  const names = text.split(',').map((name) => name.trim());
  return checkLadder(
    names.map((name) => {
      if (Object.hasOwn(presets, name)) return presets[name as PresetName];
      throw new TributaryError(
        'profile_invalid',
        `no preset is called ${JSON.stringify(name)}; there are ${Object.keys(presets).join(', ')}`,
      );
    }),
  );
}

const int32 = z.int().min(0).max(2_147_483_647);

const jsonProfile = z.strictObject({
  name: z.string().default(''),
  width: int32,
  height: int32,
  bitrate: int32,
  fps: int32.default(0),
  fpsDen: int32.default(0),
  profile: z.string().default(''),
  gop: z.string().default(''),
  encoder: z.enum(['', 'H.264', 'HEVC', 'VP8', 'VP9']).default(''),
  colorDepth: int32.default(0),
  chromaFormat: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
  quality: int32.default(0),
});

const h264ProfileNames = {
  '': 'default',
  none: 'default',
  h264baseline: 'baseline',
  h264main: 'main',
  h264high: 'high',
  h264constrainedhigh: 'constrained_high',
} as const satisfies Record<string, VideoProfile['h264Profile']>;

const encoderNames = {
  '': 'h264',
  'H.264': 'h264',
  HEVC: 'hevc',
  VP8: 'vp8',
  VP9: 'vp9',
} as const satisfies Record<string, VideoProfile['encoder']>;

/**
 * The profiles of a JSON file as the stock gateway's `-transcodingOptions` reads it: an array of
 * objects, or one object with such an array under `profiles`. Throws `profile_invalid`.
 */
export function profilesFromJson(text: string): readonly VideoProfile[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new TributaryError('profile_invalid', 'the profile file is not JSON', { cause });
  }
  const list =
    typeof json === 'object' && json !== null && 'profiles' in json ? json.profiles : json;
  const parsed = z.array(jsonProfile).safeParse(list);
  if (!parsed.success) throw new TributaryError('profile_invalid', z.prettifyError(parsed.error));
  return checkLadder(parsed.data.map(fromJson));
}

function fromJson(json: z.infer<typeof jsonProfile>): VideoProfile {
  const key = json.profile.toLowerCase();
  if (!Object.hasOwn(h264ProfileNames, key)) {
    throw new TributaryError('profile_invalid', `unknown H264 profile ${JSON.stringify(key)}`);
  }
  const { width, height, bitrate, fps, fpsDen, quality } = json;
  return {
    name: json.name === '' ? defaultProfileName('custom', json) : json.name,
    width,
    height,
    bitrate,
    fps,
    fpsDen,
    format: 'mpegts',
    h264Profile: h264ProfileNames[key as keyof typeof h264ProfileNames],
    gop: gopMs(json.gop),
    encoder: encoderNames[json.encoder],
    quality,
    colorDepth: json.colorDepth === 0 ? 8 : json.colorDepth,
    chroma: (['420', '422', '444'] as const)[json.chromaFormat],
  };
}

/** Seconds as text, or `intra`. */
function gopMs(text: string): number {
  if (text === '') return 0;
  if (text === 'intra') return -1;
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds > 0 && seconds * 1000 <= 2_147_483_647)) {
    throw new TributaryError('profile_invalid', `gop must be seconds above 0, or "intra": ${text}`);
  }
  return Math.trunc(seconds * 1000);
}

function checkLadder(profiles: readonly VideoProfile[]): readonly VideoProfile[] {
  if (profiles.length === 0 || profiles.length > PROFILES_MAX) {
    throw new TributaryError('profile_invalid', `a ladder has 1 to ${PROFILES_MAX} profiles`);
  }
  const names = new Set(profiles.map((profile) => profile.name));
  if (names.size !== profiles.length) {
    throw new TributaryError('profile_invalid', 'two profiles of the ladder have the same name');
  }
  for (const profile of profiles) {
    const text = unusable(profile);
    if (text !== undefined) {
      throw new TributaryError('profile_invalid', `profile ${profile.name}: ${text}`);
    }
  }
  return profiles;
}
