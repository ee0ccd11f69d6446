import { parentPort } from 'node:worker_threads';
import type { RecoveryReply, RecoveryRequest } from './recover-threads.ts';
import { examineTickets, recoverSigners } from './recover-work.ts';

/** One of the threads of `recover-threads.ts`. */
const port = parentPort;
if (!port) throw new Error('recover-thread.ts runs as a worker thread only');

port.on('message', (request: RecoveryRequest) => {
  const reply: RecoveryReply = { id: request.id, ...work(request) };
  port.postMessage(reply, [reply.signers.buffer as ArrayBuffer, reply.draws.buffer as ArrayBuffer]);
});

function work(request: RecoveryRequest): Omit<RecoveryReply, 'id'> {
  switch (request.step) {
    case 'recover':
      return { signers: recoverSigners(request), draws: new Uint8Array(0) };
    case 'examine':
      return examineTickets(request);
  }
}
