/** By which our worker tells the pool what it works with. */
export const DEVICES_HEADER = 'tributary-devices';

/** Cards in one machine; more are not shown. */
const DEVICES_MAX = 16;
const HEADER_CHARS_MAX = 2_048;
/** `cpu`, `nvidia:0`, `vaapi:/dev/dri/renderD128`. */
const DEVICE = /^([A-Za-z0-9][A-Za-z0-9:/._-]{0,63});sessions=(\d{1,4})$/;

/** A device and how many sessions it carries at once. */
export interface ReportedDevice {
  readonly name: string;
  readonly sessions: number;
}

/** The header for these devices; those with a name that it cannot hold are left out. */
export function devicesHeader(devices: readonly ReportedDevice[]): Record<string, string> {
  const listed = devices
    .map(({ name, sessions }) => `${name};sessions=${sessions}`)
    .filter((one) => DEVICE.test(one))
    .slice(0, DEVICES_MAX);
  return listed.length === 0 ? {} : { [DEVICES_HEADER]: listed.join(', ') };
}

/** What a worker says of its devices; undefined when it says nothing that can be read. */
export function readDevices(
  header: string | undefined,
): { readonly devices: readonly ReportedDevice[] } | undefined {
  if (header === undefined || header.length > HEADER_CHARS_MAX) return undefined;
  const devices: ReportedDevice[] = [];
  for (const part of header.split(', ').slice(0, DEVICES_MAX)) {
    const [, name, sessions] = DEVICE.exec(part) ?? [];
    if (name === undefined) return undefined;
    devices.push({ name, sessions: Number(sessions) });
  }
  return { devices };
}
