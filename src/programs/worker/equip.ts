import { TributaryError } from '../../base/errors.ts';
import { type Io, VIEW_COLUMNS, wrap } from '../../base/terminal.ts';
import { deviceKind } from '../../media/device.ts';
import { type DeviceReport, probeDevices } from '../../media/devices.ts';
import { createTranscoder } from '../../media/transcode.ts';
import {
  bitsOf,
  Capability,
  type CapabilityBits,
  type CapabilityName,
  DEFAULT_BITS,
} from '../../protocol/capabilities.ts';
import type { Equipment, WorkDevice } from './equipment.ts';

/** Segments side by side on the CPU: while one waits for its slowest thread, another computes. */
const PARALLEL_CPU = 2;
/** On a card, copying in and out alternates with encoding. */
const PARALLEL_GPU = 3;
/** Renditions of a usual stream; each takes one encoder session of a card. */
const RENDITIONS_USUAL = 3;
/** What every worker can do without any device: fetch, authenticate, cut. */
const WITHOUT_DEVICE = bitsOf(
  'StorageDirect',
  'StorageS3',
  'StorageGCS',
  'AuthToken',
  'SegmentSlicing',
);

/**
 * Tries out the devices of a `--device` setting, says in plain words what they can do, and opens
 * those that work. The CPU with a given number of sessions is taken as it is: there is nothing left
 * to find out, and it starts at once.
 *
 * @throws TributaryError `device_unusable` when none works
 */
export async function equip(
  settings: { readonly device: string; readonly maxSessions: number | 'auto' },
  io: Io,
): Promise<Equipment> {
  const { device, maxSessions } = settings;
  if (device === 'cpu' && maxSessions !== 'auto') {
    const transcoder = createTranscoder({ device, parallel: PARALLEL_CPU });
    return { devices: [{ name: device, sessions: maxSessions, transcoder }], bits: DEFAULT_BITS };
  }
  io.stdout.write('Trying out the devices of this machine.\n');
  const reports = await probeDevices(device);
  const usable = reports.filter((report) => report.usable);
  const sentences = reports.flatMap((report) => report.sentences);
  if (usable.length === 0) throw new TributaryError('device_unusable', sentences.join('\n'));
  for (const sentence of sentences) {
    io.stdout.write(`${wrap(sentence, VIEW_COLUMNS, '  ').join('\n')}\n`);
  }
  return { devices: usable.map(open), bits: bitsOfAll(usable) };
}

function open(report: DeviceReport): WorkDevice {
  const parallel = parallelOf(report);
  return {
    name: report.device,
    sessions: report.streams,
    encoders: report.sessionsMax,
    transcoder: createTranscoder({ device: report.device, parallel }),
  };
}

/** More at once than the driver has encoder sessions for would only fail. */
export function parallelOf({
  device,
  sessionsMax,
}: Pick<DeviceReport, 'device' | 'sessionsMax'>): number {
  if (deviceKind(device) === 'cpu') return PARALLEL_CPU;
  const byDriver = Math.floor((sessionsMax ?? Number.POSITIVE_INFINITY) / RENDITIONS_USUAL);
  return Math.max(1, Math.min(PARALLEL_GPU, byDriver));
}

/** What each of the devices can do: a session may come to any of them. */
export function bitsOfAll(
  reports: readonly Pick<DeviceReport, 'capabilityNames'>[],
): CapabilityBits {
  const each = reports.map(({ capabilityNames }) => bitsOf(...capabilityNames.filter(isKnown)));
  return each.reduce((common, bits) => common & bits) | WITHOUT_DEVICE;
}

function isKnown(name: string): name is CapabilityName {
  return Object.hasOwn(Capability, name);
}
