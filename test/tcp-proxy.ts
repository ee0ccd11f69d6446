import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Cleanup } from './start-pool.ts';

/** A network of its own between a peer and the pool, which can fall silent. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Bytes that came from the peer's side. */
  readonly bytes: number;
  /** From now on nothing gets through in either direction; connections stay open. */
  hold(): void;
  /** From now on nothing that the pool says reaches the peer; what the peer says goes through. */
  holdAnswers(): void;
  /** What was held goes through, and everything after it. */
  pass(): void;
  /** Cuts every connection with RST. */
  cut(): void;
}

/** Forwards every connection to a port of this machine. */
export async function startTcpProxy(t: Cleanup, target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const farSockets = new Set<Socket>();
  let held = false;
  let answersHeld = false;
  let bytes = 0;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    farSockets.add(far);
    near.on('data', (piece) => {
      bytes += piece.length;
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (piece) => to.write(piece));
      from.on('error', () => to.destroy());
      from.on('end', () => to.end());
      from.on('close', () => {
        sockets.delete(from);
        farSockets.delete(from);
        to.destroy();
      });
      if (held || (answersHeld && from === far)) from.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size / 2;
    },
    get bytes() {
      return bytes;
    },
    hold() {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    holdAnswers() {
      answersHeld = true;
      for (const socket of farSockets) socket.pause();
    },
    pass() {
      held = false;
      answersHeld = false;
      for (const socket of sockets) socket.resume();
    },
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
}
