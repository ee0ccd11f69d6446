import { FRAME, numbersFrame, SETTING, settingsFrame, WINDOW_DEFAULT } from './h2-frames.ts';
import type { ListenerLimits } from './limits.ts';

/**
 * DATA frames that peers may send; Go's server grants as much and Go's client uses half of it. A
 * piece then ends where a TLS record does, not at frames as well: half as many pieces.
 */
export const FRAME_BYTES_MAX = 1024 * 1024;

/** The first frames of a server: what its peer may do. */
export function greeting(limits: ListenerLimits): Buffer {
  return Buffer.concat([
    settingsFrame([
      [SETTING.enablePush, 0],
      [SETTING.streamsMax, limits.streamsPerConnectionMax],
      [SETTING.windowBytes, limits.streamWindowBytes],
      [SETTING.frameBytes, FRAME_BYTES_MAX],
      [SETTING.headerListBytes, limits.headerBytesMax],
    ]),
    numbersFrame(FRAME.windowUpdate, 0, limits.connectionWindowBytes - WINDOW_DEFAULT),
  ]);
}
