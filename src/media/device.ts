/** Where to encode: `cpu`, one NVIDIA card by index, or one VA-API render node by path. */
export type Device = 'cpu' | `nvidia:${number}` | `vaapi:${string}`;

export type DeviceKind = 'cpu' | 'nvidia' | 'vaapi';

/** The family of a device, which decides encoders and filters. */
export function deviceKind(device: Device): DeviceKind {
  if (device === 'cpu') return 'cpu';
  return device.startsWith('nvidia:') ? 'nvidia' : 'vaapi';
}

/** What a `--device` setting asks for; `nvidia:all` is every card that the system shows. */
export type DeviceWish = 'auto' | 'nvidia:all' | readonly Device[];

/** The forms that {@link parseDevices} reads, for whoever wrote another one. */
export const DEVICES_ALLOWED = 'auto, cpu, nvidia:0,1 (or nvidia:all) or vaapi:/dev/dri/renderD128';

/** Reads `auto`, `cpu`, `nvidia:0,1`, `nvidia:all` or `vaapi:/dev/dri/renderD128,…`. */
export function parseDevices(text: string): DeviceWish | undefined {
  if (text === 'auto' || text === 'nvidia:all') return text;
  if (text === 'cpu') return ['cpu'];
  const match = /^(nvidia|vaapi):(.+)$/.exec(text);
  if (!match) return undefined;
  const names = (match[2] as string).split(',');
  const shape = match[1] === 'nvidia' ? /^\d{1,3}$/ : /^\/[\w./-]{1,200}$/;
  if (!names.every((name) => shape.test(name))) return undefined;
  return [...new Set(names)].map((name) => `${match[1]}:${name}` as Device);
}
