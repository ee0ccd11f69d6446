import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_PICTURE_TYPE_NONE,
  AV_PKT_DATA_DISPLAYMATRIX,
  AV_SAMPLE_FMT_FLTP,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  FF_ENCODER_AAC,
  FF_ENCODER_LIBX264,
  type FFEncoderCodec,
} from 'node-av/constants';
import {
  avGetPixFmtFromName,
  Codec,
  CodecContext,
  Filter,
  FilterGraph,
  FormatContext,
  Frame,
  Packet,
  Rational,
  type Stream,
} from 'node-av/lib';
import { check, MediaFault, optionsOf, silenceFfmpeg } from './ffmpeg.ts';

/** Seconds between key frames: what live streams use, and where segments can be cut. */
const KEY_SECONDS = 2;
/** About what a 720p live source has; 2 s are 1.7 MB with audio. */
const BITS_PER_PIXEL = 0.21;
const AUDIO_RATE = 48_000;
const AUDIO_BITRATE = 128_000n;

export interface TestVideoWork {
  readonly path: string;
  readonly seconds: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly audio: boolean;
  /** Muxer. Default `mpegts`. */
  readonly container?: 'mpegts' | 'mp4' | 'webm';
  /** Muxer options such as `movflags`. */
  readonly containerOptions?: Readonly<Record<string, string>>;
  /** FFmpeg's name of the encoder. Default `libx264`. */
  readonly encoder?: string;
  /** Replace the options of the usual test video. */
  readonly encoderOptions?: Readonly<Record<string, string>>;
  /** FFmpeg's name. Default `yuv420p`. */
  readonly pixelFormat?: string;
  /** Filters between the picture generator and the encoder, as name and arguments. */
  readonly filters?: readonly (readonly [string, string])[];
  /** First timestamp. Default 0. */
  readonly startSeconds?: number;
  /** Degrees written into the container, for players to turn the picture by. */
  readonly rotation?: 90 | 180 | 270;
}

/** One generated stream: where frames come from and where packets go. */
interface Track {
  next(frame: Frame): boolean;
  readonly encoder: CodecContext;
  readonly stream: Stream;
  readonly ticksPerFrame: bigint;
  readonly start: bigint;
  /** End of the last frame. */
  pts: bigint;
  done: boolean;
  readonly graph: FilterGraph;
}

/** Writes the file described by `work`, in the calling thread. Throws {@link MediaFault}. */
export function makeTestVideoFile(work: TestVideoWork): void {
  silenceFfmpeg();
  const muxer = new FormatContext();
  let opened = false;
  const tracks: Track[] = [];
  using frame = new Frame();
  using packet = new Packet();
  frame.alloc();
  packet.alloc();
  try {
    check(muxer.allocOutputContext2(null, work.container ?? 'mpegts', work.path));
    check(muxer.openOutputSync());
    opened = true;
    tracks.push(videoTrack(muxer, work));
    if (work.audio) tracks.push(audioTrack(muxer, work));
    using options = optionsOf(work.containerOptions ?? {});
    check(muxer.writeHeaderSync(options));
    for (;;) {
      const track = earliest(tracks);
      if (!track) break;
      const more = track.next(frame);
      if (more) {
        if (frame.isAudio()) frame.pts = track.pts;
        else frame.pts += track.start;
        track.pts = frame.pts + track.ticksPerFrame;
        // The generator marks every frame as intra; the encoder is to decide that.
        frame.pictType = AV_PICTURE_TYPE_NONE;
        check(track.encoder.sendFrameSync(frame));
        frame.unref();
      } else {
        track.done = true;
        check(track.encoder.sendFrameSync(null));
      }
      while (track.encoder.receivePacketSync(packet) >= 0) {
        packet.streamIndex = track.stream.index;
        packet.rescaleTs(track.encoder.timeBase, track.stream.timeBase);
        check(muxer.interleavedWriteFrameSync(packet));
      }
    }
    check(muxer.writeTrailerSync());
  } finally {
    for (const track of tracks) {
      track.encoder.freeContext();
      track.graph.free();
    }
    if (opened) muxer.closeOutputSync();
    muxer.freeContext();
  }
}

function earliest(tracks: readonly Track[]): Track | undefined {
  const seconds = (track: Track) =>
    (Number(track.pts) * track.encoder.timeBase.num) / track.encoder.timeBase.den;
  return tracks
    .filter((track) => !track.done)
    .sort((one, other) => seconds(one) - seconds(other))[0];
}

function videoTrack(muxer: FormatContext, work: TestVideoWork): Track {
  const { width, height, fps, seconds, pixelFormat = 'yuv420p' } = work;
  const { graph, next } = generated([
    ['testsrc2', `size=${width}x${height}:rate=${fps}:duration=${seconds}`],
    ...(work.filters ?? []),
    ['format', `pix_fmts=${pixelFormat}`],
    ['buffersink', null],
  ]);
  const codec = Codec.findEncoderByName((work.encoder ?? FF_ENCODER_LIBX264) as FFEncoderCodec);
  if (!codec) throw new MediaFault('Encoder not found');
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  encoder.codecType = AVMEDIA_TYPE_VIDEO;
  encoder.width = width;
  encoder.height = height;
  encoder.pixelFormat = avGetPixFmtFromName(pixelFormat);
  encoder.timeBase = new Rational(1, fps);
  encoder.framerate = new Rational(fps, 1);
  encoder.gopSize = fps * KEY_SECONDS;
  if (work.container && work.container !== 'mpegts') encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  for (const [name, value] of Object.entries(work.encoderOptions ?? usualOptions(work))) {
    check(encoder.setOption(name, value));
  }
  const track = openTrack({
    muxer,
    codec,
    encoder,
    graph,
    next,
    ticksPerFrame: 1n,
    start: BigInt(Math.round((work.startSeconds ?? 0) * fps)),
  });
  if (work.rotation) rotate(track.stream, work.rotation);
  return track;
}

/** Filler at a constant rate, so that the picture has the size of real live video. */
function usualOptions({ width, height, fps }: TestVideoWork): Record<string, string> {
  const bitrate = String(Math.round(width * height * fps * BITS_PER_PIXEL));
  return {
    b: bitrate,
    maxrate: bitrate,
    minrate: bitrate,
    bufsize: bitrate,
    preset: 'ultrafast',
    'x264-params': 'nal-hrd=cbr:scenecut=0:log-level=-1',
  };
}

/** The transformation matrix of a display rotation, as FFmpeg keeps it: 9 native 16.16 numbers. */
function rotate(stream: Stream, degrees: 90 | 180 | 270): void {
  const matrix = new Int32Array(9);
  const one = 65_536;
  if (degrees === 180) matrix.set([-one, 0, 0, 0, -one, 0, 0, 0, 1 << 30]);
  if (degrees === 90) matrix.set([0, one, 0, -one, 0, 0, 0, 0, 1 << 30]);
  if (degrees === 270) matrix.set([0, -one, 0, one, 0, 0, 0, 0, 1 << 30]);
  check(
    stream.codecpar.addCodedSideData(
      AV_PKT_DATA_DISPLAYMATRIX,
      Buffer.from(matrix.buffer.slice(0)),
    ),
  );
}

function audioTrack(muxer: FormatContext, work: TestVideoWork): Track {
  const { seconds, startSeconds = 0 } = work;
  const { graph, next } = generated([
    ['sine', `frequency=440:sample_rate=${AUDIO_RATE}:samples_per_frame=1024:duration=${seconds}`],
    ['aformat', `sample_fmts=fltp:channel_layouts=stereo:sample_rates=${AUDIO_RATE}`],
    ['abuffersink', null],
  ]);
  const codec = Codec.findEncoderByName(FF_ENCODER_AAC);
  if (!codec) throw new MediaFault('Encoder not found');
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  encoder.codecType = AVMEDIA_TYPE_AUDIO;
  encoder.sampleRate = AUDIO_RATE;
  encoder.sampleFormat = AV_SAMPLE_FMT_FLTP;
  encoder.channelLayout = { nbChannels: 2, order: AV_CHANNEL_ORDER_NATIVE, mask: 3n };
  encoder.timeBase = new Rational(1, AUDIO_RATE);
  encoder.bitRate = AUDIO_BITRATE;
  if (work.container && work.container !== 'mpegts') encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  const start = BigInt(Math.round(startSeconds * AUDIO_RATE));
  return openTrack({ muxer, codec, encoder, graph, next, ticksPerFrame: 1024n, start });
}

function openTrack(parts: {
  readonly muxer: FormatContext;
  readonly codec: Codec;
  readonly encoder: CodecContext;
  readonly graph: FilterGraph;
  readonly next: (frame: Frame) => boolean;
  readonly ticksPerFrame: bigint;
  readonly start: bigint;
}): Track {
  const { muxer, codec, encoder, graph, next, ticksPerFrame, start } = parts;
  check(encoder.open2Sync(codec, null));
  const stream = muxer.newStream(null);
  check(stream.codecpar.fromContext(encoder));
  stream.timeBase = encoder.timeBase;
  return { graph, next, encoder, stream, ticksPerFrame, start, pts: start, done: false };
}

function generated(steps: readonly (readonly [string, string | null])[]): {
  readonly graph: FilterGraph;
  readonly next: (frame: Frame) => boolean;
} {
  const graph = new FilterGraph();
  graph.alloc();
  const filters = steps.map(([name, args], index) => {
    const kind = Filter.getByName(name);
    const filter = kind && graph.createFilter(kind, `f${index}`, args);
    if (!filter) throw new MediaFault(`Filter not found: ${name}`);
    return filter;
  });
  for (const [index, filter] of filters.entries()) {
    const following = filters[index + 1];
    if (following) check(filter.link(0, following, 0));
  }
  check(graph.configSync());
  const sink = filters[filters.length - 1];
  return { graph, next: (frame) => (sink?.buffersinkGetFrameSync(frame) ?? -1) >= 0 };
}
