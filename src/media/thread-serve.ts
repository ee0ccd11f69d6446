import { parentPort } from 'node:worker_threads';
import { messageOf } from '../base/errors.ts';

/**
 * The other end of a thread pool: answers each item in turn with what `work` makes of it. Buffers
 * that `transfer` names move to the asker without a copy.
 */
export function serveThread<Input, Output>(
  work: (input: Input) => Output,
  transfer: (output: Output) => readonly ArrayBuffer[] = () => [],
): void {
  parentPort?.on('message', (input: Input) => {
    try {
      const value = work(input);
      parentPort?.postMessage({ ok: true, value }, [...transfer(value)]);
    } catch (error) {
      parentPort?.postMessage({ ok: false, text: messageOf(error) });
    }
  });
}
