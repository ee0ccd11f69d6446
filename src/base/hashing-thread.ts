import { parentPort } from 'node:worker_threads';
import type { HashingReply, HashingRequest } from './hashing.ts';
import { createKeccakHasher, type KeccakHasher } from './keccak.ts';

/** One of the threads of `base/hashing.ts`: takes the steps of many blobs in turn. */
const port = parentPort;
if (!port) throw new Error('hashing-thread.ts runs as a worker thread only');

const running = new Map<number, KeccakHasher>();

port.on('message', (request: HashingRequest) => {
  const { id } = request;
  if (request.step === 'drop') {
    running.delete(id);
    reply({ id });
    return;
  }
  const hasher = running.get(id) ?? createKeccakHasher();
  for (const chunk of request.chunks) hasher.update(new Uint8Array(chunk));
  if (request.step === 'more') {
    running.set(id, hasher);
    return;
  }
  if (request.last) hasher.update(new Uint8Array(request.last, 0, request.lastBytes));
  running.delete(id);
  reply({ id, hash: Uint8Array.from(hasher.digest()) });
});

function reply(message: HashingReply): void {
  port?.postMessage(message);
}
