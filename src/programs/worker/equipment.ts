import type { Transcoder } from '../../media/transcode.ts';

/** Something that transcodes: a graphics card, or the CPU. */
export interface WorkDevice {
  /** `cpu`, `nvidia:0`, `vaapi:/dev/dri/renderD128`. */
  readonly name: string;
  /** Sessions that it carries at once and stays ahead of live. */
  readonly sessions: number;
  /** Encoders that its driver opens at once; undefined where there is no limit. */
  readonly encoders?: number | undefined;
  readonly transcoder: Pick<Transcoder, 'transcode' | 'close'>;
}

/** What a worker works with: at least one device, and what every one of them can do. */
export interface Equipment {
  readonly devices: readonly WorkDevice[];
  /** Capability bits that every device has. */
  readonly bits: bigint;
}
