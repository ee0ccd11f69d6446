import type { AudioCodecName, Problem, VideoCodecName } from './inspection.ts';

/**
 * Over all tracks. 300 s of 240 Hz video with AAC have 86,000; tables of runs can declare any
 * number in a few bytes.
 */
const SAMPLES_MAX = 250_000;
/** Real files have under ten tracks. */
const TRACKS_MAX = 32;
/** A fragment has half a dozen, and there may be one for every frame. */
const BOXES_MAX = 100_000;

export interface Sample {
  readonly offset: number;
  readonly size: number;
  /** Presentation time in ticks of the track. */
  readonly time: number;
  readonly duration: number;
}

export interface Mp4Track {
  readonly kind: 'video' | 'audio' | 'other';
  readonly videoCodec: VideoCodecName;
  readonly audioCodec: AudioCodecName;
  readonly timescale: number;
  /** Bytes of a NAL unit's length; 0 when the codec has none. */
  readonly lengthSize: number;
  /** Parameter sets of the sample description, one NAL unit each. */
  readonly parameterSets: readonly Uint8Array[];
  readonly rotation: 0 | 90 | 180 | 270;
  readonly samples: readonly Sample[];
  /** First ticks that are shown, by the edit list. */
  readonly editStart: number;
  /** First ticks that are no longer shown. */
  readonly editEnd: number;
  /** Milliseconds of nothing before them. */
  readonly delayMs: number;
  /** The edit list is more than a start offset; FFmpeg would cut and join. */
  readonly complexEdit: boolean;
}

export interface Mp4Contents {
  readonly tracks: readonly Mp4Track[];
  readonly problems: ReadonlySet<Problem>;
}

interface Box {
  readonly type: string;
  /** First byte of the content. */
  readonly start: number;
  readonly end: number;
  /** First byte of the box itself. */
  readonly at: number;
}

interface TrackDraft {
  id: number;
  kind: 'video' | 'audio' | 'other';
  videoCodec: VideoCodecName;
  audioCodec: AudioCodecName;
  timescale: number;
  lengthSize: number;
  parameterSets: Uint8Array[];
  rotation: 0 | 90 | 180 | 270;
  samples: Sample[];
  editStart: number;
  editEnd: number;
  delayMs: number;
  complexEdit: boolean;
  defaults: { duration: number; size: number };
  /** Decode time after the last fragment. */
  decodeEnd: number;
}

/** `ftyp`, `styp`, `moov`, `moof`, `mdat`, `free`, `sidx` or `wide` where a file's first box is. */
export function looksLikeMp4(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const type = String.fromCharCode(...bytes.subarray(4, 8));
  return ['ftyp', 'styp', 'moov', 'moof', 'mdat', 'free', 'skip', 'sidx', 'wide'].includes(type);
}

/** Reads the tables of an MP4 file, plain or fragmented. Never throws. */
export function readMp4(bytes: Uint8Array): Mp4Contents {
  const problems = new Set<Problem>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reader = createReader(bytes, view, problems);
  const top = reader.boxes(0, bytes.length);
  const drafts: TrackDraft[] = [];
  const movie = top.find((box) => box.type === 'moov');
  if (!movie) problems.add('bad_box');
  else {
    const movieScale = reader.movieScale(movie);
    for (const box of reader.boxes(movie.start, movie.end)) {
      if (box.type === 'trak' && drafts.length < TRACKS_MAX)
        drafts.push(reader.track(box, movieScale));
    }
    for (const box of reader.boxes(movie.start, movie.end)) {
      if (box.type === 'mvex') reader.trackDefaults(box, drafts);
    }
  }
  for (const box of top) {
    if (box.type !== 'moof') continue;
    reader.fragment(box, drafts);
    // The duration of a fragmented file is not known when its edit list is written.
    for (const draft of drafts) draft.editEnd = Number.POSITIVE_INFINITY;
  }
  return { tracks: drafts, problems };
}

function createReader(bytes: Uint8Array, view: DataView, problems: Set<Problem>) {
  const u8 = (at: number): number => (at < view.byteLength && at >= 0 ? view.getUint8(at) : 0);
  const u16 = (at: number): number => (u8(at) << 8) | u8(at + 1);
  const u32 = (at: number): number =>
    at + 4 <= view.byteLength && at >= 0 ? view.getUint32(at) : 0;
  const i32 = (at: number): number => u32(at) | 0;
  const u64 = (at: number): number => u32(at) * 2 ** 32 + u32(at + 4);
  const text = (at: number): string =>
    String.fromCharCode(u8(at), u8(at + 1), u8(at + 2), u8(at + 3));
  let boxesLeft = BOXES_MAX;
  let samplesLeft = SAMPLES_MAX;

  const boxes = (from: number, to: number): Box[] => {
    const found: Box[] = [];
    let at = from;
    while (at + 8 <= to && boxesLeft > 0) {
      boxesLeft -= 1;
      let size = u32(at);
      let header = 8;
      if (size === 1) {
        size = u64(at + 8);
        header = 16;
      } else if (size === 0) size = to - at;
      if (size < header) {
        problems.add('bad_box');
        break;
      }
      if (at + size > to) problems.add('truncated');
      found.push({ type: text(at + 4), at, start: at + header, end: Math.min(at + size, to) });
      at += size;
    }
    if (boxesLeft === 0) problems.add('too_many');
    return found;
  };

  const inside = (box: Box | undefined, type: string): Box | undefined =>
    box && boxes(box.start, box.end).find((child) => child.type === type);

  /** Ticks a second of the movie header, in which edit lists count. */
  const movieScale = (movie: Box): number => {
    const header = inside(movie, 'mvhd');
    return (header && u32(header.start + (u8(header.start) === 1 ? 20 : 12))) || 1000;
  };

  const track = (box: Box, scale: number): TrackDraft => {
    const draft: TrackDraft = {
      id: 0,
      kind: 'other',
      videoCodec: 'other',
      audioCodec: 'other',
      timescale: 1,
      lengthSize: 0,
      parameterSets: [],
      rotation: 0,
      samples: [],
      editStart: 0,
      editEnd: Number.POSITIVE_INFINITY,
      delayMs: 0,
      complexEdit: false,
      defaults: { duration: 0, size: 0 },
      decodeEnd: 0,
    };
    const children = boxes(box.start, box.end);
    const header = children.find((child) => child.type === 'tkhd');
    const media = children.find((child) => child.type === 'mdia');
    if (header) {
      const long = u8(header.start) === 1;
      draft.id = u32(header.start + (long ? 20 : 12));
      draft.rotation = rotationOf(header.start + (long ? 52 : 40));
    }
    const mediaHeader = inside(media, 'mdhd');
    if (mediaHeader) {
      draft.timescale = u32(mediaHeader.start + (u8(mediaHeader.start) === 1 ? 20 : 12)) || 1;
    }
    const handler = inside(media, 'hdlr');
    const kind = handler ? text(handler.start + 8) : '';
    draft.kind = kind === 'vide' ? 'video' : kind === 'soun' ? 'audio' : 'other';
    const tables = inside(inside(media, 'minf'), 'stbl');
    const description = inside(tables, 'stsd');
    if (description) describe(description, draft);
    if (tables) readSamples(tables, draft);
    const edits = inside(
      children.find((child) => child.type === 'edts'),
      'elst',
    );
    if (edits) readEdits(edits, draft, scale);
    return draft;
  };

  /** a b / c d of the transformation matrix, as 16.16 numbers. */
  const rotationOf = (at: number): 0 | 90 | 180 | 270 => {
    const [a, b, c, d] = [i32(at), i32(at + 4), i32(at + 12), i32(at + 16)];
    if (a === 0 && d === 0 && b > 0 && c < 0) return 90;
    if (a === 0 && d === 0 && b < 0 && c > 0) return 270;
    if (a < 0 && d < 0 && b === 0 && c === 0) return 180;
    return 0;
  };

  const describe = (box: Box, draft: TrackDraft): void => {
    // More than one description means codec changes that only a decode can follow.
    if (u32(box.start + 4) !== 1) draft.complexEdit = true;
    const entry = boxes(box.start + 8, box.end)[0];
    if (!entry) return;
    const { type } = entry;
    if (draft.kind === 'audio') {
      if (type === 'mp4a') draft.audioCodec = 'aac';
      else if (type === 'Opus') draft.audioCodec = 'opus';
      else if (type === 'ac-3') draft.audioCodec = 'ac3';
      else if (type === '.mp3') draft.audioCodec = 'mp3';
      return;
    }
    const extras = boxes(entry.start + 78, entry.end);
    const configuration = (name: string) => extras.find((child) => child.type === name);
    if (type === 'avc1' || type === 'avc3') {
      draft.videoCodec = 'h264';
      readAvcConfiguration(configuration('avcC'), draft);
    } else if (type === 'hvc1' || type === 'hev1') {
      draft.videoCodec = 'hevc';
      readHevcConfiguration(configuration('hvcC'), draft);
    } else if (type === 'vp08') draft.videoCodec = 'vp8';
    else if (type === 'vp09') draft.videoCodec = 'vp9';
    else if (type === 'av01') draft.videoCodec = 'av1';
  };

  const readAvcConfiguration = (box: Box | undefined, draft: TrackDraft): void => {
    if (!box) return;
    draft.lengthSize = (u8(box.start + 4) & 3) + 1;
    let at = box.start + 6;
    for (let left = u8(box.start + 5) & 31; left > 0; left -= 1) at = readSet(at, box, draft);
    let left = u8(at);
    at += 1;
    for (; left > 0; left -= 1) at = readSet(at, box, draft);
  };

  const readHevcConfiguration = (box: Box | undefined, draft: TrackDraft): void => {
    if (!box) return;
    draft.lengthSize = (u8(box.start + 21) & 3) + 1;
    let at = box.start + 23;
    for (let arrays = u8(box.start + 22); arrays > 0 && at < box.end; arrays -= 1) {
      let left = u16(at + 1);
      at += 3;
      for (; left > 0 && at < box.end; left -= 1) at = readSet(at, box, draft);
    }
  };

  const readSet = (at: number, box: Box, draft: TrackDraft): number => {
    const size = u16(at);
    const end = at + 2 + size;
    if (size > 0 && end <= box.end && draft.parameterSets.length < 64) {
      draft.parameterSets.push(bytes.subarray(at + 2, end));
    }
    return end;
  };

  const readEdits = (box: Box, draft: TrackDraft, scale: number): void => {
    const long = u8(box.start) === 1;
    const size = long ? 20 : 12;
    const count = u32(box.start + 4);
    let used = 0;
    for (let index = 0; index < count && index < 8; index += 1) {
      const at = box.start + 8 + index * size;
      if (at + size > box.end) break;
      const time = long ? u64(at + 8) : i32(at + 4);
      const empty = long ? u32(at + 8) === 0xffff_ffff : time === -1;
      const rate = u16(at + (long ? 16 : 8));
      if (empty) {
        draft.delayMs += ((long ? u64(at) : u32(at)) * 1000) / scale;
        continue;
      }
      used += 1;
      draft.editStart = time;
      const shown = long ? u64(at) : u32(at);
      draft.editEnd = time + Math.round((shown * draft.timescale) / scale);
      if (rate !== 1) draft.complexEdit = true;
    }
    if (used > 1 || count > 8) draft.complexEdit = true;
  };

  const readSamples = (tables: Box, draft: TrackDraft): void => {
    const children = boxes(tables.start, tables.end);
    const table = (type: string) => children.find((child) => child.type === type);
    const sizes = table('stsz');
    const chunks = table('stco') ?? table('co64');
    const perChunk = table('stsc');
    if (!sizes || !chunks || !perChunk) return;
    const fixed = u32(sizes.start + 4);
    const declared = u32(sizes.start + 8);
    const possible = fixed > 0 ? SAMPLES_MAX : (sizes.end - sizes.start - 12) >> 2;
    const count = Math.min(declared, possible, samplesLeft);
    if (count < declared) problems.add(declared > samplesLeft ? 'too_many' : 'truncated');
    samplesLeft -= count;
    const wide = chunks.type === 'co64';
    const chunkCount = Math.min(u32(chunks.start + 4), (chunks.end - chunks.start) >> 2);
    const runCount = Math.min(u32(perChunk.start + 4), (perChunk.end - perChunk.start) >> 2);
    const durations = runLengths(table('stts'));
    const shifts = runLengths(table('ctts'), true);
    let sample = 0;
    let decode = 0;
    for (let run = 0; run < runCount && sample < count; run += 1) {
      const at = perChunk.start + 8 + run * 12;
      const first = u32(at);
      const each = u32(at + 4);
      const next = run + 1 < runCount ? u32(at + 12) : chunkCount + 1;
      if (first < 1 || each < 1 || next <= first) continue;
      for (let chunk = first; chunk < next && chunk <= chunkCount && sample < count; chunk += 1) {
        let offset = wide
          ? u64(chunks.start + 8 + (chunk - 1) * 8)
          : u32(chunks.start + 8 + (chunk - 1) * 4);
        for (let index = 0; index < each && sample < count; index += 1) {
          const size = fixed || u32(sizes.start + 12 + sample * 4);
          const duration = durations();
          draft.samples.push({ offset, size, time: decode + shifts(), duration });
          decode += duration;
          offset += size;
          sample += 1;
        }
      }
    }
    draft.decodeEnd = decode;
    if (sample < count) problems.add('bad_box');
  };

  /** Gives the value of one sample after the other from a table of (count, value). */
  const runLengths = (box: Box | undefined, signed = false): (() => number) => {
    if (!box) return () => 0;
    const entries = Math.min(u32(box.start + 4), (box.end - box.start - 8) >> 3);
    let entry = -1;
    let left = 0;
    let value = 0;
    return () => {
      while (left === 0 && entry + 1 < entries) {
        entry += 1;
        left = u32(box.start + 8 + entry * 8);
        const at = box.start + 12 + entry * 8;
        value = signed ? i32(at) : u32(at);
      }
      if (left > 0) left -= 1;
      return value;
    };
  };

  const trackDefaults = (extends_: Box, drafts: readonly TrackDraft[]): void => {
    for (const box of boxes(extends_.start, extends_.end)) {
      if (box.type !== 'trex') continue;
      const draft = drafts.find((one) => one.id === u32(box.start + 4));
      if (draft) draft.defaults = { duration: u32(box.start + 12), size: u32(box.start + 16) };
    }
  };

  const fragment = (moof: Box, drafts: readonly TrackDraft[]): void => {
    for (const box of boxes(moof.start, moof.end)) {
      if (box.type !== 'traf') continue;
      const children = boxes(box.start, box.end);
      const header = children.find((child) => child.type === 'tfhd');
      if (!header) continue;
      const draft = drafts.find((one) => one.id === u32(header.start + 4));
      if (!draft) continue;
      const state = fragmentState(header, moof, draft);
      const time = children.find((child) => child.type === 'tfdt');
      if (time) {
        draft.decodeEnd = u8(time.start) === 1 ? u64(time.start + 4) : u32(time.start + 4);
      }
      for (const run of children) if (run.type === 'trun') readRun(run, draft, state);
    }
  };

  const fragmentState = (header: Box, moof: Box, draft: TrackDraft) => {
    const flags = u32(header.start) & 0xff_ffff;
    let at = header.start + 8;
    let base = moof.at;
    let { duration, size } = draft.defaults;
    if (flags & 1) {
      base = u64(at);
      at += 8;
    }
    if (flags & 2) at += 4;
    if (flags & 8) {
      duration = u32(at);
      at += 4;
    }
    if (flags & 16) size = u32(at);
    return { base, duration, size, next: base };
  };

  const readRun = (
    run: Box,
    draft: TrackDraft,
    state: { base: number; duration: number; size: number; next: number },
  ): void => {
    const flags = u32(run.start) & 0xff_ffff;
    let at = run.start + 8;
    let offset = state.next;
    if (flags & 1) {
      offset = state.base + i32(at);
      at += 4;
    }
    if (flags & 4) at += 4;
    const entry = [0x100, 0x200, 0x400, 0x800].filter((bit) => flags & bit).length * 4;
    const declared = u32(run.start + 4);
    const possible = entry > 0 ? Math.floor((run.end - at) / entry) : SAMPLES_MAX;
    const count = Math.min(declared, possible, samplesLeft);
    if (count < declared) problems.add(declared > samplesLeft ? 'too_many' : 'truncated');
    samplesLeft -= count;
    for (let index = 0; index < count; index += 1) {
      let { duration, size } = state;
      let shift = 0;
      if (flags & 0x100) {
        duration = u32(at);
        at += 4;
      }
      if (flags & 0x200) {
        size = u32(at);
        at += 4;
      }
      if (flags & 0x400) at += 4;
      if (flags & 0x800) {
        shift = i32(at);
        at += 4;
      }
      draft.samples.push({ offset, size, time: draft.decodeEnd + shift, duration });
      draft.decodeEnd += duration;
      offset += size;
    }
    state.next = offset;
  };

  return { boxes, movieScale, track, trackDefaults, fragment };
}
