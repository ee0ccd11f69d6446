import { TributaryError } from '../base/errors.ts';
import type { WorkerId } from '../base/ids.ts';
import type { WorkerActor } from './access.ts';

/**
 * The worker that somebody asks about, by its id; who has one need not name it. Throws `worker_unknown`
 * for everybody else's, as for those that there are not.
 */
export function ownWorker({ workers }: WorkerActor, asked: string | undefined): WorkerId {
  const own = asked === undefined ? workers[0] : workers.find((id) => id === asked);
  if (!own) throw new TributaryError('worker_unknown', 'You have no such worker.');
  if (asked === undefined && workers.length > 1) {
    throw new TributaryError('setting_invalid', 'You have several workers: name one by its id.');
  }
  return own;
}
