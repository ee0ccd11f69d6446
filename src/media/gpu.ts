import {
  AV_HWDEVICE_TYPE_CUDA,
  AV_HWDEVICE_TYPE_VAAPI,
  AV_PIX_FMT_CUDA,
  AV_PIX_FMT_VAAPI,
  type AVPixelFormat,
} from 'node-av/constants';
import { HardwareDeviceContext } from 'node-av/lib';
import type { Device } from './device.ts';
import { errorText, MediaFault } from './ffmpeg.ts';

/** An opened GPU: FFmpeg's device context and the pixel format of frames that live on it. */
export interface GpuDevice extends Disposable {
  readonly kind: 'nvidia' | 'vaapi';
  readonly context: HardwareDeviceContext;
  readonly pixelFormat: AVPixelFormat;
  readonly scaleFilter: 'scale_cuda' | 'scale_vaapi';
}

/**
 * Opens the driver of a GPU; undefined for `cpu`. Throws {@link MediaFault} with FFmpeg's text when
 * there is no driver or no such card.
 */
export function openGpu(device: Device): GpuDevice | undefined {
  if (device === 'cpu') return undefined;
  const nvidia = device.startsWith('nvidia:');
  const name = device.slice(device.indexOf(':') + 1);
  const context = new HardwareDeviceContext();
  const type = nvidia ? AV_HWDEVICE_TYPE_CUDA : AV_HWDEVICE_TYPE_VAAPI;
  const code = context.create(type, name, null);
  if (code < 0) {
    context.free();
    throw new MediaFault(errorText(code));
  }
  return {
    kind: nvidia ? 'nvidia' : 'vaapi',
    context,
    pixelFormat: nvidia ? AV_PIX_FMT_CUDA : AV_PIX_FMT_VAAPI,
    scaleFilter: nvidia ? 'scale_cuda' : 'scale_vaapi',
    [Symbol.dispose]: () => context.free(),
  };
}
