/** What an inspector may find wrong; a closed list, so that it can be a metric label. */
export type Problem =
  | 'empty'
  | 'unknown_container'
  | 'no_video'
  | 'no_parameter_sets'
  | 'truncated'
  | 'sync_lost'
  | 'continuity_gap'
  | 'transport_error'
  | 'bad_table'
  | 'bad_pes'
  | 'bad_nal'
  | 'bad_box'
  | 'data_missing'
  | 'too_many'
  | 'undecodable'
  | 'inspector_failed';

export type VideoCodecName = 'h264' | 'hevc' | 'vp8' | 'vp9' | 'av1' | 'other';
export type AudioCodecName = 'aac' | 'mp3' | 'opus' | 'ac3' | 'other';

/** A run of frames of one size. Most files have one. */
export interface SizeRun {
  readonly width: number;
  readonly height: number;
  /** May be a half: a lone field of an interlaced picture. */
  readonly frames: number;
}

export interface VideoInspection {
  readonly codec: VideoCodecName;
  /** Size of the first frame, cropped as the active parameter set says. */
  readonly width: number;
  readonly height: number;
  readonly sizes: readonly SizeRun[];
  /** Frames that an FFmpeg decode of the file delivers. */
  readonly frames: number;
  /** Sum of width x height over those frames; what a gateway counts by decoding. */
  readonly pixels: bigint;
  /** The first picture is an IDR or IRAP picture with its parameter sets before it. */
  readonly firstFrameIsKey: boolean;
  readonly keyFrames: number;
  /** Presentation time of the first frame. */
  readonly startMs: number;
  /** From the first presentation time to the end of the last frame. */
  readonly spanMs: number;
  /** Estimate from the median distance of frames; 0 when there are fewer than two. */
  readonly fps: number;
  /** Degrees clockwise that a player should turn the picture: 90, 180 or 270. */
  readonly rotation?: number;
  /**
   * One number per larger picture, drawn from the length and some bytes of its slice data. A remux
   * keeps them, an encoder never does. Empty where pictures were counted by decoding.
   */
  readonly fingerprints: readonly number[];
}

export interface AudioInspection {
  readonly codec: AudioCodecName;
  /** PES packets of MPEG-TS, samples of MP4. */
  readonly packets: number;
  /** Of the elementary stream. */
  readonly bytes: number;
  readonly startMs: number;
  readonly spanMs: number;
}

/** What a media file really contains, read from its bytes. */
export interface Inspection {
  readonly container: 'mpegts' | 'mp4' | 'unknown';
  readonly bytes: number;
  /** Read from the structure of the file, or counted by decoding it. */
  readonly method: 'structure' | 'decode';
  readonly video?: VideoInspection;
  readonly audio?: AudioInspection;
  readonly problems: readonly Problem[];
}
