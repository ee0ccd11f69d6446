import { isIPv4, isIPv6 } from 'node:net';

/** An address as its 16-bit groups: 2 for IPv4, 8 for IPv6. */
export type AddressGroups = readonly number[];

/** IPv4 blocks that are not somebody's public host (IANA special-purpose registry). */
const CLOSED_V4: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT
  '127.0.0.0/8',
  '169.254.0.0/16', // link-local, cloud metadata
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16',
  '198.18.0.0/15', // benchmarks
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3', // multicast, reserved, broadcast
];

/** IPv6 blocks inside global unicast (2000::/3) that are closed all the same. */
const CLOSED_V6: readonly string[] = [
  '2001::/23', // protocol assignments: Teredo, ORCHID, benchmarks
  '2001:db8::/32',
  '2002::/16', // 6to4: an IPv4 address in disguise, out of use
  '3fff::/20', // documentation
];

const closedV4 = CLOSED_V4.map(parseBlock);
const closedV6 = CLOSED_V6.map(parseBlock);
const globalUnicast = parseBlock('2000::/3');
/** IPv4 carried inside IPv6: mapped, and NAT64, by which IPv6-only hosts reach the IPv4 world. */
const carriers = ['::ffff:0:0/96', '64:ff9b::/96'].map(parseBlock);

/** Decodes an IP address without zone; undefined when it is not one. */
export function parseAddress(text: string): AddressGroups | undefined {
  if (isIPv4(text)) return v4Groups(text);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const dotted = text.lastIndexOf(':') + 1;
  const tail = text.slice(dotted);
  const plain = isIPv4(tail)
    ? text.slice(0, dotted) +
      v4Groups(tail)
        .map((group) => group.toString(16))
        .join(':')
    : text;
  const [left = '', right] = plain.split('::');
  const before = hexGroups(left);
  if (right === undefined) return before;
  const after = hexGroups(right);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/**
 * Whether an address belongs to a host of the public Internet: not loopback, private, link-local,
 * shared, multicast, reserved, unspecified, nor one of those carried inside IPv6.
 */
export function isPublicAddress(text: string): boolean {
  const groups = parseAddress(text);
  if (!groups) return false;
  if (groups.length === 2) return !closedV4.some((block) => contains(block, groups));
  if (carriers.some((block) => contains(block, groups))) {
    return !closedV4.some((block) => contains(block, groups.slice(6)));
  }
  return contains(globalUnicast, groups) && !closedV6.some((block) => contains(block, groups));
}

/** What one customer holds: an IPv4 address, or a /64 of IPv6. Also for `::ffff:1.2.3.4`. */
export function networkOf(text: string): string {
  const groups = plainGroups(text);
  return groups ? groups.slice(0, 4).join('.') : text;
}

/** Addresses that begin with the same bits. */
export interface AddressBlock {
  readonly groups: AddressGroups;
  readonly bits: number;
}

/** Decodes `10.0.0.0/8`, `2001:db8::/32` or one address; undefined when it is none of these. */
export function addressBlock(text: string): AddressBlock | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim());
  const groups = parseAddress(match?.[1] ?? '');
  if (!groups) return undefined;
  const bits = Number(match?.[2] ?? groups.length * 16);
  return bits <= groups.length * 16 ? { groups, bits } : undefined;
}

/** Whether an address is in one of the blocks. IPv4 inside IPv6, `::ffff:10.0.0.1`, is IPv4. */
export function isWithin(blocks: readonly AddressBlock[], text: string): boolean {
  const groups = plainGroups(text);
  if (!groups) return false;
  return blocks.some((block) => block.groups.length === groups.length && contains(block, groups));
}

/** An address without zone, IPv4 as IPv4 however it is written. */
function plainGroups(text: string): AddressGroups | undefined {
  const groups = parseAddress(text.replace(/%.*$/, ''));
  const mapped = groups?.length === 8 && carriers[0] && contains(carriers[0], groups);
  return mapped ? groups.slice(6) : groups;
}

function parseBlock(text: string): AddressBlock {
  const block = addressBlock(text);
  if (!block) throw new RangeError(`not an address block: ${text}`);
  return block;
}

function contains(block: AddressBlock, groups: AddressGroups): boolean {
  return block.groups.every((group, index) => {
    const bits = Math.min(16, Math.max(0, block.bits - index * 16));
    return group >>> (16 - bits) === (groups[index] ?? 0) >>> (16 - bits);
  });
}

function v4Groups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function hexGroups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}
