import { Decoder, Demuxer } from 'node-av';
import { AVMEDIA_TYPE_AUDIO, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { messageOf } from '../../base/errors.ts';
import { silenceFfmpeg } from '../../media/ffmpeg.ts';

/** What a player gets from a playlist. */
export interface Played {
  readonly frames: number;
  /** Width x height over those frames. */
  readonly pixels: bigint;
  readonly audioFrames: number;
}

/** A playlist played to its end, or why it cannot be. */
export type PlayOutcome =
  | { readonly ok: true; readonly played: Played }
  | { readonly ok: false; readonly reason: string };

/**
 * Opens an HLS media playlist as a player does and decodes everything in it, picture and sound. Any
 * error of the container or a decoder counts.
 */
export async function play(playlist: string): Promise<PlayOutcome> {
  // Each segment counts its transport packets anew; FFmpeg would remark on every one.
  silenceFfmpeg();
  try {
    await using input = await Demuxer.open(playlist, { format: 'hls' });
    const video = input.video();
    if (!video) return { ok: false, reason: 'it has no video' };
    const audio = input.audio();
    using picture = await Decoder.create(video);
    using sound = audio ? await Decoder.create(audio) : undefined;
    const played = { frames: 0, pixels: 0n, audioFrames: 0 };
    const take = (frames: readonly CountedFrame[]) => {
      for (const frame of frames) {
        if (frame.isVideo()) {
          played.frames += 1;
          played.pixels += BigInt(frame.width) * BigInt(frame.height);
        } else played.audioFrames += 1;
        frame.free();
      }
    };
    for await (const packet of input.packets()) {
      if (!packet) break;
      if (packet.streamIndex === video.index) take(await picture.decodeAll(packet));
      else if (sound && packet.streamIndex === audio?.index) take(await sound.decodeAll(packet));
      packet.free();
    }
    take(await picture.decodeAll(null));
    if (sound) take(await sound.decodeAll(null));
    return { ok: true, played };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

interface CountedFrame {
  readonly width: number;
  readonly height: number;
  isVideo(): boolean;
  free(): void;
}

/** What the demo must know of a file before it streams it; undefined when it has no video. */
export async function lookAt(
  path: string,
): Promise<{ readonly seconds: number; readonly sound: boolean } | undefined> {
  silenceFfmpeg();
  try {
    await using input = await Demuxer.open(path);
    const types = input.streams.map((stream) => stream.codecpar.codecType);
    if (!types.includes(AVMEDIA_TYPE_VIDEO)) return undefined;
    return { seconds: input.duration, sound: types.includes(AVMEDIA_TYPE_AUDIO) };
  } catch {
    return undefined; // FFmpeg does not read it: the caller says so
  }
}
