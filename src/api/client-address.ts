import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { read, type SettingType } from '../base/setting-types.ts';
import {
  type AddressBlock,
  addressBlock,
  isPublicAddress,
  isWithin,
  networkOf,
} from '../http/address.ts';

/**
 * What stands for whoever asks where requests are counted: an IPv4 address, or the /64 of IPv6 that one
 * subscriber gets. Undefined: a program of this machine that no proxy speaks for; it is not limited.
 */
export type Peer = string | undefined;

/** Says who asks, behind proxies whose word counts. */
export interface ClientAddresses {
  of(request: Pick<IncomingMessage, 'headers' | 'socket'>): Peer;
  /** Whether a connection may be of many: of a proxy that is trusted, or from this machine. */
  isOfMany(remoteAddress: string | undefined): boolean;
}

/** What proxies add. Whoever asks by one of them is not this machine, whatever else is true. */
const FORWARDED = [
  ...['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host'],
  'x-forwarded-proto',
] as const;

const ownMachine = ['127.0.0.0/8', '::1'].flatMap((text) => addressBlock(text) ?? []);

/**
 * @param trusted whose `X-Forwarded-For` is believed: the last address there that is none of these is
 *   who asks. Without any, what is sent along is never believed.
 * @param onUnknownProxy told once that a proxy nearby does not say, or may not say, for whom it asks
 */
export function createClientAddresses(
  trusted: readonly AddressBlock[],
  onUnknownProxy: () => void = () => undefined,
): ClientAddresses {
  const isOurs = (address: string) => isWithin(ownMachine, address);
  let isTold = false;

  return {
    of({ headers, socket }) {
      const { remoteAddress = '' } = socket;
      if (!isForwarded(headers))
        return isOurs(remoteAddress) ? undefined : networkOf(remoteAddress);
      const client = clientOf(remoteAddress, String(headers['x-forwarded-for'] ?? ''), trusted);
      // A stranger can send such headers, too, but not from an address that only neighbours have.
      if (client === undefined && !isTold && !isPublicAddress(remoteAddress)) {
        isTold = true;
        onUnknownProxy();
      }
      return networkOf(client ?? remoteAddress);
    },
    isOfMany: (remoteAddress = '') => isOurs(remoteAddress) || isWithin(trusted, remoteAddress),
  };
}

function isForwarded(headers: IncomingHttpHeaders): boolean {
  return FORWARDED.some((name) => headers[name] !== undefined);
}

/**
 * Each proxy adds the address that it was asked from at the end: read from there, while it is trusted.
 * Undefined: nothing more is known than who is connected.
 */
function clientOf(
  remote: string,
  forwardedFor: string,
  trusted: readonly AddressBlock[],
): string | undefined {
  const hops = forwardedFor.split(',');
  let client: string | undefined;
  while (isWithin(trusted, client ?? remote)) {
    const before = hopAddress(hops.pop());
    // No address: what is known for sure is who wrote it.
    if (before === undefined) break;
    client = before;
  }
  return client;
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
function hopAddress(text = ''): string | undefined {
  const trimmed = text.trim();
  const [, inBrackets, dotted] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/.exec(trimmed) ?? [];
  const address = inBrackets ?? dotted ?? trimmed;
  return addressBlock(address) && !address.includes('/') ? address : undefined;
}

/** The type of `--trusted-proxy`; everybody at once cannot be a proxy. */
export function addressBlockType(): SettingType<AddressBlock> {
  return {
    schema: read((given) => {
      const block = addressBlock(String(given));
      return block && block.bits > 0 ? block : undefined;
    }),
    placeholder: 'ADDRESS|BLOCK',
    allowed: 'an IP address, or a block of them such as 10.0.0.0/8',
    show: showBlock,
  };
}

function showBlock({ groups, bits }: AddressBlock): string {
  const shown =
    groups.length === 2
      ? groups.flatMap((group) => [group >> 8, group & 255]).join('.')
      : new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(
          1,
          -1,
        );
  return bits === groups.length * 16 ? shown : `${shown}/${bits}`;
}
