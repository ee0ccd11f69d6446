import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads';
import type { HashingReply, HashingRequest, HashingShared } from './hashing.ts';
import { createKeccakLanes, type KeccakLane, WIDTH_MAX } from './keccak-lanes.ts';
import { threadData } from './threads.ts';

/** One of the threads of `base/hashing.ts`: takes the steps of many blobs in turn. */
if (!parentPort) throw new Error('hashing-thread.ts runs as a worker thread only');
const port: MessagePort = parentPort;

/** No input waits for others with so much of it to do: that takes 2 ms by itself. */
const BACKLOG_BYTES = 1024 * 1024;

const shared = threadData<HashingShared>();
const lanes = createKeccakLanes();
const running = new Map<number, KeccakLane>();
let patience: NodeJS.Timeout | undefined;

port.on('message', (request: HashingRequest) => {
  take(request);
  work();
});

/** Does all that there is to do, or leaves it for now where more comes to be done beside it. */
function work(): void {
  do {
    // What arrives meanwhile is read between the steps, so that it can be hashed beside the others.
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      take(next.message);
    }
  } while (!isWorthWaiting() && lanes.step());
}

function isWorthWaiting(): boolean {
  const [blobs, patienceMs] = shared as unknown as [number, number];
  const most = Math.min(WIDTH_MAX, blobs);
  const enough = lanes.waiting >= most || lanes.backlogBytes >= BACKLOG_BYTES;
  if (lanes.waiting === 0 || enough || lanes.ripe || patienceMs === 0) {
    clearTimeout(patience);
    patience = undefined;
    return false;
  }
  patience ??= setTimeout(() => {
    patience = undefined;
    lanes.ripen();
    work();
  }, patienceMs);
  return true;
}

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
  // At once: what is left shall not wait for one that is done.
  Atomics.sub(shared, 0, 1);
  port.postMessage(message);
}
