import type { AudioCodecName, Problem, VideoCodecName } from './inspection.ts';

const PACKET = 188;
const SYNC = 0x47;
/** A table section is at most this long (ISO 13818-1, 2.4.4). */
const SECTION_BYTES_MAX = 1024;
/** A segment has two or three streams; more are somebody's experiment. */
const STREAMS_MAX = 32;
const PTS_WRAP = 2 ** 33;

/** Where a PES packet's payload starts in the elementary stream, and its time. */
export interface PesMark {
  readonly offset: number;
  /** 90 kHz, unwrapped; NaN when the packet has none. */
  readonly pts: number;
}

export interface TsVideo {
  readonly codec: VideoCodecName;
  /** The elementary stream lies at `bytes[start, end)` of the buffer that was given. */
  readonly start: number;
  readonly end: number;
  readonly packets: readonly PesMark[];
}

export interface TsAudio {
  readonly codec: AudioCodecName;
  readonly packets: number;
  readonly bytes: number;
  /** 90 kHz. */
  readonly firstPts: number;
  readonly lastPts: number;
}

export interface TsContents {
  readonly video: TsVideo | undefined;
  readonly audio: TsAudio | undefined;
  /** More than one video or audio stream; which one FFmpeg would take is not decided here. */
  readonly ambiguous: boolean;
  readonly problems: ReadonlySet<Problem>;
}

interface Stream {
  readonly pid: number;
  readonly kind: 'video' | 'audio' | 'other';
  readonly videoCodec: VideoCodecName;
  readonly audioCodec: AudioCodecName;
}

/** Two sync bytes a packet apart, or one in a file of a single packet. */
export function looksLikeTs(bytes: Uint8Array): boolean {
  const first = nextSync(bytes, 0);
  return first >= 0 && first < PACKET * 2;
}

/**
 * Takes a transport stream apart. **Overwrites `bytes`**: the video elementary stream is moved to
 * its beginning, which is four times faster than collecting it elsewhere.
 */
export function readTs(bytes: Uint8Array, length: number): TsContents {
  const problems = new Set<Problem>();
  const streams = findStreams(bytes, length, problems);
  const videos = streams.filter((stream) => stream.kind === 'video');
  const audios = streams.filter((stream) => stream.kind === 'audio');
  const ambiguous = videos.length > 1 || audios.length > 1;
  const parts = collect(bytes, length, videos[0], audios[0], problems);
  return { ...parts, ambiguous, problems };
}

function nextSync(bytes: Uint8Array, from: number): number {
  for (let at = from; at + PACKET <= bytes.length; at += 1) {
    if (bytes[at] !== SYNC) continue;
    if (at + PACKET === bytes.length || bytes[at + PACKET] === SYNC) return at;
  }
  return -1;
}

function collect(
  bytes: Uint8Array,
  length: number,
  video: Stream | undefined,
  audio: Stream | undefined,
  problems: Set<Problem>,
): Pick<TsContents, 'video' | 'audio'> {
  const videoPid = video?.pid ?? -1;
  const audioPid = audio?.pid ?? -1;
  const packets: PesMark[] = [];
  let written = 0;
  let videoCounter = -1;
  let audioCounter = -1;
  let lastVideoPts = Number.NaN;
  let inVideo = false;
  let audioPackets = 0;
  let audioBytes = 0;
  let firstAudioPts = Number.NaN;
  let lastAudioPts = Number.NaN;

  let at = 0;
  while (at + PACKET <= length) {
    if (bytes[at] !== SYNC) {
      problems.add('sync_lost');
      at = nextSync(bytes.subarray(0, length), at + 1);
      if (at < 0) break;
    }
    const second = bytes[at + 1] as number;
    const pid = ((second & 31) << 8) | (bytes[at + 2] as number);
    if (pid !== videoPid && pid !== audioPid) {
      at += PACKET;
      continue;
    }
    const fourth = bytes[at + 3] as number;
    if (second & 0x80 || fourth & 0xc0) problems.add('transport_error');
    let from = at + 4;
    const end = at + PACKET;
    let jump = false;
    if (fourth & 0x20) {
      const size = bytes[from] as number;
      if (size > 0) jump = ((bytes[from + 1] as number) & 0x80) !== 0;
      from += 1 + size;
    }
    at = end;
    if (!(fourth & 0x10) || from >= end) continue;
    const counter = fourth & 15;
    const before = pid === videoPid ? videoCounter : audioCounter;
    if (before >= 0 && !jump && counter !== ((before + 1) & 15)) problems.add('continuity_gap');
    const starts = (second & 0x40) !== 0;
    if (pid === videoPid) {
      videoCounter = counter;
      if (starts) {
        const pes = readPes(bytes, from, end);
        inVideo = pes !== undefined;
        if (!pes) {
          problems.add('bad_pes');
          continue;
        }
        const pts = unwrap(pes.pts, lastVideoPts);
        if (!Number.isNaN(pts)) lastVideoPts = pts;
        packets.push({ offset: written, pts });
        from = pes.payload;
      }
      if (!inVideo) continue;
      // `written` never passes `from`: a payload is shorter than the packet it came in.
      bytes.copyWithin(written, from, end);
      written += end - from;
    } else {
      audioCounter = counter;
      if (starts) {
        const pes = readPes(bytes, from, end);
        if (!pes) {
          problems.add('bad_pes');
          continue;
        }
        const pts = unwrap(pes.pts, lastAudioPts);
        if (!Number.isNaN(pts)) {
          if (Number.isNaN(firstAudioPts)) firstAudioPts = pts;
          lastAudioPts = pts;
        }
        audioPackets += 1;
        from = pes.payload;
      }
      audioBytes += end - from;
    }
  }
  if (at >= 0 && at < length) problems.add('truncated');
  return {
    video: video && { codec: video.videoCodec, start: 0, end: written, packets },
    audio: audio && {
      codec: audio.audioCodec,
      packets: audioPackets,
      bytes: audioBytes,
      firstPts: firstAudioPts,
      lastPts: lastAudioPts,
    },
  };
}

function unwrap(pts: number, last: number): number {
  if (Number.isNaN(last) || Number.isNaN(pts)) return pts;
  return pts + Math.round((last - pts) / PTS_WRAP) * PTS_WRAP;
}

function readPes(bytes: Uint8Array, from: number, end: number) {
  if (end - from < 9) return undefined;
  if (bytes[from] !== 0 || bytes[from + 1] !== 0 || bytes[from + 2] !== 1) return undefined;
  if (((bytes[from + 6] as number) & 0xc0) !== 0x80) return undefined;
  const payload = from + 9 + (bytes[from + 8] as number);
  if (payload > end) return undefined;
  let pts = Number.NaN;
  if ((bytes[from + 7] as number) & 0x80 && payload - from >= 14) {
    const at = from + 9;
    pts =
      ((bytes[at] as number) & 0x0e) * 2 ** 29 +
      (bytes[at + 1] as number) * 2 ** 22 +
      ((bytes[at + 2] as number) & 0xfe) * 2 ** 14 +
      (bytes[at + 3] as number) * 2 ** 7 +
      ((bytes[at + 4] as number) >> 1);
  }
  return { pts, payload };
}

/** Reads the first program association and program map. */
function findStreams(bytes: Uint8Array, length: number, problems: Set<Problem>): Stream[] {
  const association = readSection(bytes, length, 0, 0);
  let mapPid = -1;
  if (association) {
    for (let at = 8; at + 4 <= association.length - 4; at += 4) {
      const program = ((association[at] as number) << 8) | (association[at + 1] as number);
      if (program === 0) continue;
      mapPid = (((association[at + 2] as number) & 31) << 8) | (association[at + 3] as number);
      break;
    }
  }
  const map = mapPid < 0 ? undefined : readSection(bytes, length, mapPid, 2);
  if (!map) {
    problems.add('bad_table');
    return [];
  }
  const streams: Stream[] = [];
  let at = 12 + ((((map[10] as number) & 15) << 8) | (map[11] as number));
  while (at + 5 <= map.length - 4 && streams.length < STREAMS_MAX) {
    const type = map[at] as number;
    const pid = (((map[at + 1] as number) & 31) << 8) | (map[at + 2] as number);
    const size = (((map[at + 3] as number) & 15) << 8) | (map[at + 4] as number);
    streams.push(streamOf(type, pid, map.subarray(at + 5, at + 5 + size)));
    at += 5 + size;
  }
  return streams;
}

function streamOf(type: number, pid: number, descriptors: Uint8Array): Stream {
  const video = (videoCodec: VideoCodecName): Stream => ({
    pid,
    kind: 'video',
    videoCodec,
    audioCodec: 'other',
  });
  const audio = (audioCodec: AudioCodecName): Stream => ({
    pid,
    kind: 'audio',
    videoCodec: 'other',
    audioCodec,
  });
  switch (type) {
    case 0x1b:
      return video('h264');
    case 0x24:
      return video('hevc');
    case 0x01:
    case 0x02:
    case 0x10:
      return video('other');
    case 0x03:
    case 0x04:
      return audio('mp3');
    case 0x0f:
    case 0x11:
      return audio('aac');
    case 0x81:
      return audio('ac3');
    case 0x87:
      return audio('other');
    case 0x06:
      return privateStream(descriptors, video, audio, pid);
    default:
      return { pid, kind: 'other', videoCodec: 'other', audioCodec: 'other' };
  }
}

/** What is carried as private data says so in a descriptor. */
function privateStream(
  descriptors: Uint8Array,
  video: (codec: VideoCodecName) => Stream,
  audio: (codec: AudioCodecName) => Stream,
  pid: number,
): Stream {
  for (let at = 0; at + 2 <= descriptors.length; at += 2 + (descriptors[at + 1] as number)) {
    const tag = descriptors[at];
    if (tag === 0x6a) return audio('ac3');
    if (tag !== 0x05 || at + 6 > descriptors.length) continue;
    const name = String.fromCharCode(...descriptors.subarray(at + 2, at + 6));
    if (name === 'HEVC') return video('hevc');
    if (name === 'AV01') return video('av1');
    if (name === 'VP80' || name === 'VP90') return video(name === 'VP80' ? 'vp8' : 'vp9');
    if (name === 'Opus') return audio('opus');
    if (name === 'AC-3') return audio('ac3');
  }
  return { pid, kind: 'other', videoCodec: 'other', audioCodec: 'other' };
}

/** The first whole section of a table on a PID, which may span packets. */
function readSection(
  bytes: Uint8Array,
  length: number,
  wanted: number,
  table: number,
): Uint8Array | undefined {
  const held = new Uint8Array(SECTION_BYTES_MAX + PACKET);
  let filled = 0;
  let open = false;
  for (let at = 0; at + PACKET <= length; ) {
    if (bytes[at] !== SYNC) {
      at = nextSync(bytes.subarray(0, length), at + 1);
      if (at < 0) return undefined;
    }
    const second = bytes[at + 1] as number;
    const fourth = bytes[at + 3] as number;
    const pid = ((second & 31) << 8) | (bytes[at + 2] as number);
    const end = at + PACKET;
    let from = at + 4;
    at = end;
    if (pid !== wanted || !(fourth & 0x10)) continue;
    if (fourth & 0x20) from += 1 + (bytes[from] as number);
    if (second & 0x40) {
      from += 1 + (bytes[from] as number);
      filled = 0;
      open = true;
    }
    if (!open || from >= end) continue;
    held.set(bytes.subarray(from, end), filled);
    filled += end - from;
    if (filled < 3) continue;
    const size = 3 + ((((held[1] as number) & 15) << 8) | (held[2] as number));
    if (held[0] !== table || size > SECTION_BYTES_MAX || size < 12) open = false;
    else if (filled >= size) return held.slice(0, size);
    if (filled >= SECTION_BYTES_MAX) open = false;
  }
  return undefined;
}
