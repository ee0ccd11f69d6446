import type { FrontSigning } from './signatures.ts';

/**
 * Longest value that is signed for a stranger. What has a meaning when signed is longer: one
 * rendition hash has 32 bytes, a segment at least 64, a ticket 232, an address text 42.
 */
const STRANGER_BYTES_MAX = 31;

/**
 * The signature that answers a Ping, or undefined when the value could mean something elsewhere. The
 * pool asks itself with a value of this length, too. wire: go-livepeer server/rpc.go:ping.
 */
export async function pingReply(
  value: Uint8Array,
  signing: Pick<FrontSigning, 'signPing'>,
): Promise<Uint8Array | undefined> {
  const harmless = value.length > 0 && value.length <= STRANGER_BYTES_MAX;
  return harmless ? signing.signPing(value) : undefined;
}
