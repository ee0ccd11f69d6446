import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { HashingReply, HashingRequest } from './hashing.ts';
import { createKeccakLanes, type KeccakLane } from './keccak-lanes.ts';

/** One of the threads of `base/hashing.ts`: takes the steps of many blobs in turn. */
const port = parentPort;
if (!port) throw new Error('hashing-thread.ts runs as a worker thread only');

const lanes = createKeccakLanes();
const running = new Map<number, KeccakLane>();

port.on('message', (request: HashingRequest) => {
  take(request);
  // What arrives meanwhile is read between the steps, so that it can be hashed beside the others.
  while (lanes.step()) {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      take(next.message);
    }
  }
});

function take(request: HashingRequest): void {
  const { id } = request;
  const lane = running.get(id) ?? open(id);
  if (request.step === 'drop') {
    lanes.drop(lane);
    reply({ id });
    return;
  }
  for (const chunk of request.chunks) lane.push(new Uint8Array(chunk));
  if (request.step === 'more') return;
  if (request.last) lane.push(new Uint8Array(request.last, 0, request.lastBytes));
  lane.end();
}

function open(id: number): KeccakLane {
  const lane = lanes.open((hash) => reply({ id, hash }));
  running.set(id, lane);
  return lane;
}

function reply(message: HashingReply): void {
  running.delete(message.id);
  port?.postMessage(message);
}
