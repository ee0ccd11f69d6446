import { availableParallelism } from 'node:os';
import { TributaryError } from '../../base/errors.ts';
import { type Device, parseDevices } from '../../media/device.ts';
import { createTranscoder } from '../../media/transcode.ts';
import { DEFAULT_BITS } from '../../protocol/capabilities.ts';
import type { Equipment } from './equipment.ts';

/**
 * Opens the devices of a `--device` setting.
 *
 * @throws TributaryError `device_unusable`
 */
export async function equip(spec: string): Promise<Equipment> {
  const wanted: readonly Device[] | undefined = spec === 'auto' ? ['cpu'] : parseDevices(spec);
  if (!wanted) throw new TributaryError('device_unusable', `"${spec}" names no device.`);
  const devices = wanted.map((device) => ({
    name: device,
    sessions: Math.max(1, availableParallelism() >> 1),
    transcoder: createTranscoder({ device }),
  }));
  return { devices, bits: DEFAULT_BITS };
}
