import type { TLSSocket } from 'node:tls';

/** A TLS record has 16 KiB at most; Node reads up to this at once. */
const READ_BYTES = 64 * 1024;

/** One for all connections: what is in it is used up before anything else is read. */
const buffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);

interface Handle {
  useUserBuffer?(bytes: Uint8Array): void;
}

/**
 * Hands over what arrives on a socket, as views that are good only until `each` returns. Node reads
 * into a buffer of ours, as `onread` of `net.connect` makes it do for clients: it has no such
 * option for accepted sockets, so this sets what that option sets. Without those fields (of another
 * version of Node) a buffer is allocated for every TLS record, which works the same and costs more
 * (docs/decisions/relay.md).
 */
export function readSocket(socket: TLSSocket, each: (bytes: Buffer) => void): void {
  for (let early = socket.read(); early !== null; early = socket.read()) each(early as Buffer);
  const handle = (socket as unknown as { _handle?: Handle })._handle;
  const symbols = Object.getOwnPropertySymbols(socket);
  const own = (name: string) => symbols.find(({ description }) => description === name);
  const [bufferKey, callbackKey] = [own('kBuffer'), own('kBufferCb')];
  if (handle?.useUserBuffer && bufferKey && callbackKey) {
    const taken = (length: number) => {
      each(buffer.subarray(0, length));
      return true;
    };
    Object.assign(socket, { [bufferKey]: buffer, [callbackKey]: taken });
    handle.useUserBuffer(buffer);
    socket.resume();
  } else socket.on('data', each);
}
