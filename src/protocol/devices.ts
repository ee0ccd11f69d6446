/** By which our worker tells the pool what it works with. */
export const DEVICES_HEADER = 'tributary-devices';

/** Cards in one machine; more are not shown. */
const DEVICES_MAX = 16;
const HEADER_CHARS_MAX = 2_048;
/** `cpu`, `nvidia:0`, `vaapi:/dev/dri/renderD128`. */
const DEVICE = /^([A-Za-z0-9][A-Za-z0-9:/._-]{0,63});sessions=(\d{1,4})(?:;encoders=(\d{1,4}))?$/;

/** A device and how many sessions it carries at once. */
export interface ReportedDevice {
  readonly name: string;
  readonly sessions: number;
}

/** A device as its worker offers it. */
export interface OfferedDevice extends ReportedDevice {
  /** Encoders that its driver opens at once; undefined where there is no limit. */
  readonly encoders?: number | undefined;
}

/** What the pool reads of them. */
export interface DevicesReport {
  readonly devices: readonly ReportedDevice[];
  /** Encoders that all of them open at once; undefined where one of them has no limit. */
  readonly encoderSessions?: number;
}

/** The header for these devices; those with a name that it cannot hold are left out. */
export function devicesHeader(devices: readonly OfferedDevice[]): Record<string, string> {
  const listed = devices
    .map(({ name, sessions, encoders }) =>
      encoders === undefined
        ? `${name};sessions=${sessions}`
        : `${name};sessions=${sessions};encoders=${encoders}`,
    )
    .filter((one) => DEVICE.test(one))
    .slice(0, DEVICES_MAX);
  return listed.length === 0 ? {} : { [DEVICES_HEADER]: listed.join(', ') };
}

/** What a worker says of its devices; undefined when it says nothing that can be read. */
export function readDevices(header: string | undefined): DevicesReport | undefined {
  if (header === undefined || header.length > HEADER_CHARS_MAX) return undefined;
  const devices: ReportedDevice[] = [];
  let encoderSessions: number | undefined = 0;
  for (const part of header.split(', ').slice(0, DEVICES_MAX)) {
    const [, name, sessions, encoders] = DEVICE.exec(part) ?? [];
    if (name === undefined) return undefined;
    devices.push({ name, sessions: Number(sessions) });
    if (encoders === undefined) encoderSessions = undefined;
    else if (encoderSessions !== undefined) encoderSessions += Number(encoders);
  }
  return { devices, ...(encoderSessions !== undefined && { encoderSessions }) };
}
