export interface TestVideoOptions {
  readonly seconds: number;
  /** Default 1280. */
  readonly width?: number;
  /** Default 720. */
  readonly height?: number;
  /** Default 30. */
  readonly fps?: number;
  /** Default true: a 440 Hz tone as AAC. */
  readonly audio?: boolean;
  /** Where to write; default a new file in the system's temporary folder. */
  readonly path?: string;
}

/**
 * Makes a moving test picture with a tone, H.264 and AAC in MPEG-TS, a key frame every 2 s.
 * @returns the path of the file
 */
export declare function makeTestVideo(options: TestVideoOptions): Promise<string>;
