import { profilesFromJson, profilesFromNames } from '../../protocol/profile-presets.ts';
import { DURATION_MS_MAX, MANIFEST_ID_BYTES_MAX } from '../../protocol/segment.ts';
import type { Format, VideoProfile } from '../../protocol/video-profile.ts';

/** What a stock gateway assumes. Wire: go-livepeer server/mediaserver.go:HandlePush. */
const DURATION_MS_DEFAULT = 2_000;
/** A ladder of ten long-named profiles takes 3 KB. */
const CONFIGURATION_CHARS_MAX = 16 * 1024;

/** A pushed segment as its headers describe it. */
export interface IngestRequest {
  /** Names the stream; never a path. */
  readonly manifestId: string;
  readonly seq: number;
  readonly format: Format;
  readonly durationMs: number;
  readonly clip: { readonly fromMs: number; readonly toMs: number } | undefined;
  /** The stream's own ladder, in its input's container; undefined for the gateway's. */
  readonly profiles: readonly VideoProfile[] | undefined;
  readonly forceSessionReinit: boolean;
  /** Whether the renditions are wanted back. */
  readonly multipart: boolean;
}

/** A request, or the status and text that refuse it. */
export type IngestOutcome =
  | { readonly ok: true; readonly request: IngestRequest }
  | { readonly ok: false; readonly status: 400 | 404 | 405; readonly text: string };

/** Reads `POST|PUT /live/NAME/SEQ.ts|.mp4`. Never throws. */
export function readIngestRequest(given: {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}): IngestOutcome {
  if (!given.path.startsWith('/live/')) return refused(404, 'not found');
  if (given.method !== 'POST' && given.method !== 'PUT') return refused(405, 'method not allowed');
  const match = /^\/live\/([^/?]+)\/(\d{1,15})(\.[A-Za-z0-9]+)?$/.exec(given.path);
  const name = match && decoded(match[1] as string);
  if (!match || !name) return refused(400, 'bad URL: it must be /live/NAME/SEQ.ts');
  const format = ({ '.ts': 'mpegts', '.mp4': 'mp4' } as const)[match[3] ?? ''];
  if (!format) return refused(400, 'bad file extension: it must be .ts or .mp4');

  const header = (wanted: string) => {
    const value = given.headers[wanted];
    return typeof value === 'string' ? value : value?.[0];
  };
  const durationMs = wholeMs(header('content-duration') ?? String(DURATION_MS_DEFAULT));
  if (durationMs === undefined || durationMs > DURATION_MS_MAX) {
    return refused(400, `bad Content-Duration: it must be 0 to ${DURATION_MS_MAX} ms`);
  }
  const resolution = header('content-resolution');
  if (resolution !== undefined && !/^\d{1,5}x\d{1,5}$/.test(resolution)) {
    return refused(400, 'bad Content-Resolution: it must be WIDTHxHEIGHT');
  }
  const clip = readClip(header('content-slice-from'), header('content-slice-to'));
  if (clip === 'bad') return refused(400, 'bad Content-Slice-From or Content-Slice-To');
  const configuration = readConfiguration(header('livepeer-transcode-configuration'));
  if (!configuration.ok) return configuration;

  const request: IngestRequest = {
    manifestId: configuration.manifestId ?? name,
    seq: Number(match[2]),
    format,
    durationMs: durationMs === 0 ? DURATION_MS_DEFAULT : durationMs,
    clip,
    profiles: configuration.profiles,
    forceSessionReinit: configuration.forceSessionReinit,
    multipart: (header('accept') ?? '').toLowerCase().includes('multipart/mixed'),
  };
  return { ok: true, request };
}

function refused(status: 400 | 404 | 405, text: string): IngestOutcome & { ok: false } {
  return { ok: false, status, text };
}

/** The name of a stream: text of bounded length without control characters. */
function decoded(part: string): string | undefined {
  try {
    return nameOf(decodeURIComponent(part));
  } catch {
    return undefined; // a malformed escape names nothing
  }
}

function nameOf(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f-\u009f/\\]/.test(text) || text === '.' || text === '..')
    return undefined;
  return text !== '' && Buffer.byteLength(text) <= MANIFEST_ID_BYTES_MAX ? text : undefined;
}

function wholeMs(text: string): number | undefined {
  return /^\d{1,9}$/.test(text.trim()) ? Number(text) : undefined;
}

function readClip(from: string | undefined, to: string | undefined): IngestRequest['clip'] | 'bad' {
  if (from === undefined && to === undefined) return undefined;
  const fromMs = wholeMs(from ?? '0');
  const toMs = wholeMs(to ?? '');
  if (fromMs === undefined || toMs === undefined || toMs <= fromMs) return 'bad';
  return { fromMs, toMs };
}

type Configuration = Pick<IngestRequest, 'profiles' | 'forceSessionReinit'> & {
  readonly ok: true;
  readonly manifestId: string | undefined;
};

/** The JSON that a stock gateway's auth webhook answers with; here it comes in a header. */
function readConfiguration(
  text: string | undefined,
): Configuration | (IngestOutcome & { ok: false }) {
  const bad = (why: string) => refused(400, `bad Livepeer-Transcode-Configuration: ${why}`);
  if (text === undefined || text === '') {
    return { ok: true, manifestId: undefined, profiles: undefined, forceSessionReinit: false };
  }
  if (text.length > CONFIGURATION_CHARS_MAX) return bad('it is too long');
  const json = parsed(text);
  if (!json) return bad('it must be a JSON object');
  const manifestId = typeof json.manifestID === 'string' ? nameOf(json.manifestID) : undefined;
  if (!manifestId) return bad('manifestID must name the stream');
  const ladder = readLadder(json);
  if (!ladder.ok) return bad(ladder.why);
  return {
    ok: true,
    manifestId,
    profiles: ladder.profiles.length > 0 ? ladder.profiles : undefined,
    forceSessionReinit: json.forceSessionReinit === true,
  };
}

function readLadder(
  json: Readonly<Record<string, unknown>>,
): { ok: true; profiles: VideoProfile[] } | { ok: false; why: string } {
  const { presets = [], profiles = [] } = json;
  if (!Array.isArray(presets) || !Array.isArray(profiles)) {
    return { ok: false, why: 'presets and profiles must be lists' };
  }
  try {
    return {
      ok: true,
      profiles: [
        ...(presets.length > 0 ? profilesFromNames(presets.join(',')) : []),
        ...(profiles.length > 0 ? profilesFromJson(JSON.stringify(profiles)) : []),
      ],
    };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : 'unusable profiles' };
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // not JSON: the caller says so
  }
}
