import {
  AV_CHANNEL_ORDER_NATIVE,
  AV_PICTURE_TYPE_NONE,
  AV_PIX_FMT_YUV420P,
  AV_SAMPLE_FMT_FLTP,
  AVIO_FLAG_WRITE,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  FF_ENCODER_AAC,
  FF_ENCODER_LIBX264,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  Filter,
  FilterGraph,
  FormatContext,
  Frame,
  IOContext,
  Packet,
  Rational,
  type Stream,
} from 'node-av/lib';
import { check, MediaFault, silenceFfmpeg } from './ffmpeg.ts';

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
}

/** One generated stream: where frames come from and where packets go. */
interface Track {
  next(frame: Frame): boolean;
  readonly encoder: CodecContext;
  readonly stream: Stream;
  readonly ticksPerFrame: bigint;
  pts: bigint;
  done: boolean;
  readonly graph: FilterGraph;
}

/** Writes the file described by `work`, in the calling thread. Throws {@link MediaFault}. */
export function makeTestVideoFile(work: TestVideoWork): void {
  silenceFfmpeg();
  const muxer = new FormatContext();
  const io = new IOContext();
  const tracks: Track[] = [];
  using frame = new Frame();
  using packet = new Packet();
  frame.alloc();
  packet.alloc();
  try {
    check(muxer.allocOutputContext2(null, 'mpegts', null));
    check(io.open2Sync(work.path, AVIO_FLAG_WRITE));
    muxer.pb = io;
    tracks.push(videoTrack(muxer, work));
    if (work.audio) tracks.push(audioTrack(muxer, work));
    check(muxer.writeHeaderSync(null));
    for (;;) {
      const track = earliest(tracks);
      if (!track) break;
      const more = track.next(frame);
      if (more) {
        frame.pts = track.pts;
        // The generator marks every frame as intra; the encoder is to decide that.
        frame.pictType = AV_PICTURE_TYPE_NONE;
        track.pts += track.ticksPerFrame;
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
    muxer.pb = null;
    io.closepSync();
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
  const { width, height, fps, seconds } = work;
  const { graph, next } = generated([
    ['testsrc2', `size=${width}x${height}:rate=${fps}:duration=${seconds}`],
    ['format', 'pix_fmts=yuv420p'],
    ['buffersink', null],
  ]);
  const codec = Codec.findEncoderByName(FF_ENCODER_LIBX264);
  if (!codec) throw new MediaFault('Encoder not found');
  const encoder = new CodecContext();
  encoder.allocContext3(codec);
  encoder.codecType = AVMEDIA_TYPE_VIDEO;
  encoder.width = width;
  encoder.height = height;
  encoder.pixelFormat = AV_PIX_FMT_YUV420P;
  encoder.timeBase = new Rational(1, fps);
  encoder.framerate = new Rational(fps, 1);
  encoder.gopSize = fps * KEY_SECONDS;
  const bitrate = Math.round(width * height * fps * BITS_PER_PIXEL);
  encoder.bitRate = BigInt(bitrate);
  encoder.rcMaxRate = BigInt(bitrate);
  encoder.rcMinRate = BigInt(bitrate);
  encoder.rcBufferSize = bitrate;
  check(encoder.setOption('preset', 'ultrafast'));
  // Filler, so that a still picture has the size of real video.
  check(encoder.setOption('x264-params', 'nal-hrd=cbr:scenecut=0:log-level=-1'));
  return opened({ muxer, codec, encoder, graph, next, ticksPerFrame: 1n });
}

function audioTrack(muxer: FormatContext, { seconds }: TestVideoWork): Track {
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
  return opened({ muxer, codec, encoder, graph, next, ticksPerFrame: 1024n });
}

function opened(parts: {
  readonly muxer: FormatContext;
  readonly codec: Codec;
  readonly encoder: CodecContext;
  readonly graph: FilterGraph;
  readonly next: (frame: Frame) => boolean;
  readonly ticksPerFrame: bigint;
}): Track {
  const { muxer, codec, encoder, graph, next, ticksPerFrame } = parts;
  check(encoder.open2Sync(codec, null));
  const stream = muxer.newStream(null);
  check(stream.codecpar.fromContext(encoder));
  stream.timeBase = encoder.timeBase;
  return { graph, next, encoder, stream, ticksPerFrame, pts: 0n, done: false };
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
