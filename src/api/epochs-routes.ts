import { TributaryError } from '../base/errors.ts';
import type { Queryable } from '../database/transaction.ts';
import type { Epochs } from '../epochs/epochs.ts';
import { listEpochs, statementOf } from '../epochs/read-epochs.ts';
import type { Route } from './admin.ts';

/** A year of days and more. */
const LISTED_MAX = 400;

/** What the routes of epochs stand on. */
export interface EpochsRoutesParts {
  readonly epochs: Pick<Epochs, 'closeNow'>;
  readonly database: Queryable;
}

/** `/api/v1/epochs`: list them, show what one came to, close the open one. */
export function epochsRoutes({ epochs, database }: EpochsRoutesParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/v1/epochs',
      handle: async () => ({ status: 200, value: await listEpochs(database, LISTED_MAX) }),
    },
    {
      method: 'GET',
      path: '/api/v1/epochs/{epoch}',
      async handle({ params }) {
        const number = params.epoch ?? '';
        if (!/^[1-9]\d{0,17}$/.test(number)) {
          throw new TributaryError('epoch_unknown', 'An epoch is a number from 1.');
        }
        return { status: 200, value: await statementOf(database, BigInt(number)) };
      },
    },
    {
      method: 'POST',
      path: '/api/v1/epochs/close',
      async handle() {
        const { number } = await epochs.closeNow();
        return { status: 200, value: { epoch: number } };
      },
    },
  ];
}
